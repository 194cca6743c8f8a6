"""OpenQASM files: read, or refused with file, line, column and reason."""

import math
import os
import resource
import signal
import threading
import time
from collections import Counter

import psutil
import pytest
from qiskit.quantum_info import Operator
from support.patience import deadline

import jobs.cli.qasm.openqasm3  # noqa: F401 (once for all the processes that read)
from jobs.cli.qasm import UnreadableCircuitError, read_program
from jobs.cli.qasm.confinement import Bounds, NoResultError, confined
from jobs.cli.qasm.source import MAX_BYTES
from jobs.rebuilding import rebuild
from simulator.circuit.instructions import Gate

HEADER_2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n'
HEADER_3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\n'


def read(tmp_path, text):
    path = tmp_path / "circuit.qasm"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_program(path)


def kinds(program):
    """Count the instructions, gates by their name and number of controls."""
    return Counter(
        f"{'c' * len(each.controls)}{each.name}" if isinstance(each, Gate) else type(each).__name__
        for each in program.instructions
    )


def refused(tmp_path, text):
    with pytest.raises(UnreadableCircuitError) as error:
        read(tmp_path, text)
    message = str(error.value)
    assert "\n" not in message
    assert message.isprintable()
    return message.removeprefix(f"{tmp_path / 'circuit.qasm'}")


@pytest.mark.parametrize(
    "text",
    [
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nh q;\n',
        # comments, blank lines and a byte order mark before the version are the file's own
        '\ufeff// OPENQASM 3.0;\n\nOPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nh q;\n',
        '/* OPENQASM 2.0;\n*/\nOPENQASM 3;\ninclude "stdgates.inc";\nqubit[2] q;\nh q;\n',
        HEADER_3 + "h q;\n",
    ],
)
def test_the_version_line_decides_the_language(tmp_path, text):
    """OpenQASM 2 and 3 are told apart by the header, and the circuit is named after its file."""
    program = read(tmp_path, text)
    assert kinds(program) == {"h": 2}
    assert program.name == "circuit"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # as OpenQASM's own examples, and QASMBench's sat_n11, are written
        ('// QFT\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q;\ncu1(1) q[1],q[0];\nmeasure q -> c;',
         {"h": 2, "cu1": 1, "Measure": 2}),
        ('include "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\nbarrier q;\nx q[0];\nif(c==1) z q[1];\n',
         {"h": 1, "Barrier": 1, "x": 1, "IfElse": 1}),
        ('include "qelib1.inc";\nqreg bit[2];\nh bit[0];\ncx bit[0],bit[1];\n', {"h": 1, "cx": 1}),
        ("qreg q[1];\nU(0,0,pi) q[0];\n", {"u": 1}),
        ('include "stdgates.inc";\nqreg q[2];\nh q[0];\n', {"h": 1}),
        ("qubit q;\nbit c;\nU(0,0,0) q;\nc = measure q;\n", {"u": 1, "Measure": 1}),
        ("gate g a { inv @ U(0, 0, 1) a; }\nU(0, 0, 1) $1;\n", {"u": 1}),
    ],
)  # fmt: skip
def test_without_a_version_line_the_content_decides(tmp_path, text, expected):
    """A file without a version line, as Qiskit reads it, is OpenQASM 3 where it has what only that has, else 2."""
    assert kinds(read(tmp_path, text)) == expected


def test_qiskits_own_qelib1_is_known(tmp_path):
    """A file that Qiskit wrote reads back, with gates beyond those of the OpenQASM 2 paper, and its functions."""
    program = read(
        tmp_path, HEADER_2 + "rzz(1) q[0],q[1];\nrx(asin(0.5)) q[0];\nopaque delay(t) q;\ndelay(5) q[0];\n"
    )
    assert kinds(program) == {"rzz": 1, "rx": 1, "Delay": 1}
    assert program.instructions[1].params == pytest.approx((math.asin(0.5),))


@pytest.mark.parametrize(
    ("definition", "use", "expected"),
    [
        ("gate cu(a, b, c) x, y { CX x, y; U(a, b, c) y; }", "cu(1, 2, 3) q[0], q[1];", {"cx": 1, "u": 1}),
        ("gate swap a, b { CX a, b; }", "swap q[0], q[1];", {"cx": 1}),
        ("gate u(a) x { U(a, 0, 0) x; }", "u(1) q[0]; U(1, 2, 3) q[0];", {"u": 2}),
        ("gate asin a, b { CX a, b; }", "asin q[0], q[1];", {"cx": 1}),
    ],
)
def test_a_gate_that_the_file_defines_is_that_gate(tmp_path, definition, use, expected):
    """A definition goes before what Qiskit has under that name, whatever the number of its parameters."""
    assert kinds(read(tmp_path, f"OPENQASM 2.0;\n{definition}\nqreg q[2];\n{use}\n")) == expected


def test_a_gate_that_an_include_defines_is_that_gate(tmp_path):
    """Definitions of a file that is included are the file's own, too, at any depth."""
    (tmp_path / "inner.inc").write_text("gate swap a, b { CX a, b; }\n")
    (tmp_path / "outer.inc").write_text('include "inner.inc";\n')
    program = read(tmp_path, 'OPENQASM 2.0;\ninclude "outer.inc";\nqreg q[2];\nswap q[0], q[1];\n')
    assert kinds(program) == {"cx": 1}


@pytest.mark.rule(29)
def test_a_defined_gate_is_its_definition(tmp_path):
    """What a file's gate does is what its definition does, on its own qubits and parameters."""
    program = read(tmp_path, HEADER_2 + "gate g(t) a, b { cx b, a; rz(t/2) a; }\ng(1) q[2], q[0];\n")
    plain = read(tmp_path, HEADER_2 + "cx q[0], q[2];\nrz(0.5) q[2];\n")
    assert Operator(rebuild(program)) == Operator(rebuild(plain))


def test_an_include_is_looked_for_beside_the_file(tmp_path):
    """A file included by name is found in the folder of the file that includes it."""
    (tmp_path / "mine.inc").write_text("gate twice a, b { CX a, b; CX a, b; }\n")
    program = read(tmp_path, 'OPENQASM 2.0;\ninclude "mine.inc";\nqreg q[2];\ntwice q[0], q[1];\n')
    assert kinds(program) == {"cx": 2}


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_line_ends(tmp_path, end):
    """Lines may end as on Windows or an old Macintosh; a comment ends with its line."""
    assert kinds(read(tmp_path, (HEADER_2 + "// one\nh q[0];\n").replace("\n", end))) == {"h": 1}
    assert refused(tmp_path, (HEADER_2 + "// one\nfoo q[0];\n").replace("\n", end)).startswith(":6:1: ")


def test_a_comment_may_be_in_any_encoding(tmp_path):
    """Bytes that are no UTF-8 do not matter in a comment, as Qiskit reads it."""
    assert kinds(read(tmp_path, HEADER_2.encode() + b"// caf\xe9\nh q[0];")) == {"h": 1}


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", ":1:1", "nothing is in it"),
        ("\n// nothing\n", ":1:1", "nothing is in it"),
        ("\n// one\nqreg q[2]\n", ":3:1", "unexpected end-of-file"),
        ("OPENQASM 4.1;\n", ":1:10", "OpenQASM 4.1 is not known"),
        ('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nfoo q[0];\n', ":4:1", "'foo' is not defined"),
        ("OPENQASM 2.0;\nqreg q[2]\nh q;", ":3:1", "needed ';'"),
        ("OPENQASM 2.0;\nqreg q[2];\nh q;", ":3:1", "include 'qelib1.inc' defines it"),
        ('OPENQASM 2.0;\ninclude "nope.inc";\n', ":2:9", "unable to find 'nope.inc'"),
        ('OPENQASM 2.0;\ninclude "/dev/zero";\n', ":2:9", "unable to find '/dev/zero'"),
        (HEADER_3 + "foo q[0];\n", ":4:1", "gate 'foo' is not defined"),
        ("OPENQASM 3.0;\nqubit[2] q\nh q;", ":3:1", "cannot read 'h' here"),
        ("OPENQASM 3.0;\ngate x a {", ":2:11", "the file ends too early"),
        (HEADER_3 + "h q[5];\n", ":4:3", "index out of range"),
        (HEADER_3 + "cx q[0], q[0];\n", ":4:1", "duplicate"),
        (HEADER_3 + "rx(1/0) q[0];\n", ":4:4", "by zero"),
        (HEADER_3 + "rx q[0];\n", ":4:1", "'rx' does not take 0 parameters"),
        (HEADER_3 + "h(1) q[0];\n", ":4:1", "'h' does not take 1 parameter"),
        (HEADER_3 + "input float theta;\nrx(theta) q[0];\n", ":4:1", "no values: theta"),
        ("OPENQASM 3.0;\nextern f(int) -> int;\n", ":2:1", "not supported"),
        ('OPENQASM 3.0;\ninclude "other.inc";\n', ":2:1", "non-stdgates imports"),
        (b"OPENQASM 2.0;\n\xff\xfe", ":2:1", "non-ASCII byte"),
        ("OPENQASM 2.0;\n".encode("utf-16"), "", "not a text file"),
        (b"\x7fELF\x01\x01", ":1:1", "encountered"),
    ],
)
def test_a_bad_file_is_refused_with_its_position(tmp_path, text, position, reason):
    """Every refusal begins with file, line and column, and gives the reason on the same line."""
    message = refused(tmp_path, text)
    assert message.startswith(f"{position}: ")
    assert reason in message


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("rx q[0];", "'rx' takes 1 parameter, but got 0"),
        ("u3 q[0];", "'u3' takes 3 parameters, but got 0"),
        ("p q[0];", "'p' takes 1 parameter, but got 0"),
        ("rzz q[0],q[1];", "'rzz' takes 1 parameter, but got 0"),
        ("U q[0];", "'U' takes 3 parameters, but got 0"),
        ("if (c == 1) rx q[0];", "'rx' takes 1 parameter, but got 0"),
        ("mine q[0];", "'mine' takes 1 parameter, but got 0"),
        ("if (c == 1) unused q[0];", "'unused' takes 2 parameters, but got 0"),
        ("outer q[0];", "'ry' takes 1 parameter, but got 0"),
        ("u0(0.5) q[0];", "must be an integer"),
        ("rx(1e999) q[0];", "not finite"),
        ("blank q[0];", "no definition"),
    ],
)
def test_an_error_without_a_position_is_given_one(tmp_path, statement, reason):
    """Where Qiskit does not say where it failed, the first statement that does is found, and why."""
    gates = "gate mine(t) a { rx(t) a; } gate unused(s, t) a { x a; }\ngate outer a { ry a; }\nopaque blank a;\n"
    message = refused(tmp_path, f"{HEADER_2}{gates}h q;\nh q; // h q; {{\n\n   {statement}\nh q;\nrx q[1];\n")
    assert message.startswith(":11:4: ")
    assert reason in message


@pytest.mark.parametrize("character", ["#", "?", "“", "\u00a0", "\u2028", "\x1b", '"'])
def test_a_character_that_openqasm_3_does_not_know_is_named(tmp_path, capfd, character):
    """It is named with its place, on one line that any terminal shows; ANTLR prints nothing of its own."""
    message = refused(tmp_path, f"{HEADER_3}h q[0];\nx q[1]{character};\n")
    assert message.startswith(":5:7: cannot read ")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("OPENQASM 2.0;\nqreg q[18446744073709551616];", ":2:1", "more than 10000 qubits"),
        ("OPENQASM 2.0;\nqreg q[4000000000];", ":2:1", "more than 10000 qubits"),
        ("OPENQASM 2.0;\nqreg q[100000000];", ":2:1", "more than 10000 qubits"),
        ("OPENQASM 2.0;\ncreg c[100000000];", ":2:1", "more than 1048576 classical bits"),
        ("OPENQASM 2.0;\n" + "".join(f"qreg q{i}[9999];\n" for i in range(20)), ":3:1", "more than 10000 qubits"),
        (HEADER_2 + "x q[18446744073709551616];", ":5:4", "more than there can be"),
        ("OPENQASM 3.0;\nqubit[1_000_000_000] q;", ":2:1", "more than 10000 qubits"),
        ("OPENQASM 3.0;\nbit[1000000000] c;", ":2:1", "more than 1048576 classical bits"),
        ("OPENQASM 3.0;\nqubit[10000*10000] q;", "", "more than 2 s; --read-timeout gives it more"),
        ("OPENQASM 3.0;\nU(0,0,0) $100000000;", ":2:10", "more than there can be"),
        (HEADER_3 + "for int i in [0:100000000] { rx(i) q[0]; }", ":4:1", "more than 1000000 instructions"),
        (HEADER_3 + f"rx({'(' * 5000}1{')' * 5000}) q;", ":4:203", "nested more than 200 deep"),
        (HEADER_3 + f"bit c;\n{'if (c) ' * 150}x q;", ":5:1", "nested more than 100 deep"),
        (HEADER_2 + "u0(1000000000000) q[0];", "", "reading it takes more than"),
        ("".join([HEADER_2, "gate g0 a { x a; }", *(f"gate g{i} a {{ g{i - 1} a; g{i - 1} a; }}\n"
                                                     for i in range(1, 50)), "g49 q[0];"]),
         "", "reading it takes more than 2 s; --read-timeout gives it more"),
    ],
)  # fmt: skip
def test_size_width_and_time_are_bounded(tmp_path, capfd, text, position, reason):
    """What would take long, or much memory, is refused before it has: panics and kills stay in a child process."""
    path = tmp_path / "circuit.qasm"
    path.write_text(text)
    begin = time.monotonic()
    with pytest.raises(UnreadableCircuitError) as error:
        read_program(path, 2 if "--read" in reason else 30)
    assert time.monotonic() - begin < deadline(40)
    assert str(error.value).startswith(f"{path}{position}: ")
    assert reason in str(error.value)
    assert capfd.readouterr() == ("", "")


def endless():
    while True:
        pass


def deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    endless()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "error", "reason"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), NoResultError, "SIGSEGV: it is too large, or nested too"),
        (os.abort, NoResultError, "SIGABRT"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), NoResultError, "too little memory"),
        (lambda: 1 / 0, NoResultError, "without a result"),
        (lambda: bytes(4 << 30), NoResultError, "without a result"),
        (endless, NoResultError, "without a result"),
        (deaf, TimeoutError, "^$"),
    ],
)  # fmt: skip
def test_work_that_ends_badly_harms_nobody(capfd, work, error, reason):
    """A crash, an error, and work without end are told by how they end; no process and no text stay behind."""
    before = psutil.Process().children()
    with pytest.raises(error, match=reason):
        confined(work, Bounds(seconds=0.2, memory=1 << 30))
    assert capfd.readouterr() == ("", "")
    assert set(psutil.Process().children()) <= set(before)


def test_work_that_ends_well_gives_its_result():
    """A result of any size comes whole, and what it changed in its process stays there."""
    here = [0]
    assert confined(lambda: here.append(1) or bytes(1 << 24), Bounds(seconds=30, memory=1 << 30)) == bytes(1 << 24)
    assert here == [0]


def test_long_chains_of_operators_are_read(tmp_path):
    """An expression of a thousand terms is read, in either language: the sum is what it says."""
    for header in (HEADER_2, HEADER_3):
        (gate,) = read(tmp_path, f"{header}rx({'1+' * 999}1) q[0];\n").instructions
        assert gate.params == (1000,)


def test_what_is_no_file_is_refused(tmp_path):
    """A folder, a missing or a huge file, a device without end and a pipe without a writer are one line each."""
    huge, pipe = tmp_path / "huge.qasm", tmp_path / "pipe"
    with huge.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file or directory"),
        ("/dev/zero", "more than 64 MiB"),
        (huge, "more than 64 MiB"),
        (pipe, "takes more than 0.2 s"),
    ):
        with pytest.raises(UnreadableCircuitError, match=reason):
            read_program(type(tmp_path)(path), 0.2 if path == pipe else 60)


def test_a_pipe_is_read(tmp_path):
    """A circuit may come from a program that writes it: `basicaer run <(generate)`."""
    pipe = tmp_path / "pipe.qasm"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(HEADER_2 + "h q;",))
    writer.start()
    assert kinds(read_program(pipe)) == {"h": 3}
    writer.join()


def test_a_file_that_includes_itself_is_refused(tmp_path):
    """Includes that never end are named, not files that the system has too few of."""
    assert "does it include itself?" in str(refused(tmp_path, 'OPENQASM 2.0;\ninclude "circuit.qasm";\n'))


def test_reading_takes_no_memory_of_this_process(tmp_path):
    """What a child takes for reading, it gives back: this process holds the Program only."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read(tmp_path, HEADER_2 + "u3(0.1,0.2,0.3) q[0];\n" * 20_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40 << 10
