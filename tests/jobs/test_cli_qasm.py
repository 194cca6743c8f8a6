"""OpenQASM files: read, or refused with file, line, column and reason."""

import pytest

from jobs.cli.qasm import UnreadableCircuitError, read_circuit

HEADER_3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\n'


def read(tmp_path, text):
    path = tmp_path / "circuit.qasm"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_circuit(path)


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
    circuit = read(tmp_path, text)
    assert circuit.count_ops() == {"h": 2}
    assert circuit.name == "circuit"


def test_qiskits_own_qelib1_is_known(tmp_path):
    """A file that Qiskit wrote reads back, with gates beyond those of the OpenQASM 2 paper."""
    circuit = read(
        tmp_path, 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\nswap q[0],q[1];\nrccx q[0],q[1],q[2];\n'
    )
    assert set(circuit.count_ops()) == {"swap", "rccx"}


def test_an_include_is_looked_for_beside_the_file(tmp_path):
    """A file included by name is found in the folder of the file that includes it."""
    (tmp_path / "mine.inc").write_text("gate twice a, b { CX a, b; CX a, b; }\n")
    circuit = read(tmp_path, 'OPENQASM 2.0;\ninclude "mine.inc";\nqreg q[2];\ntwice q[0], q[1];\n')
    assert circuit.count_ops() == {"twice": 1}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", ":1", "no version line"),
        ("\n// nothing\nqreg q[2];\n", ":3", "no version line"),
        ("OPENQASM 4.1;\n", ":1", "OpenQASM 4.1 is not known"),
        ('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\nfoo q[0];\n', ":4:1", "'foo' is not defined"),
        ("OPENQASM 2.0;\nqreg q[2]\nh q;", ":3:1", "needed ';'"),
        ('OPENQASM 2.0;\ninclude "nope.inc";\n', ":2:9", "unable to find 'nope.inc'"),
        (HEADER_3 + "foo q[0];\n", ":4:1", "gate 'foo' is not defined"),
        ("OPENQASM 3.0;\nqubit[2] q\nh q;", ":3:1", "cannot read 'h' here"),
        ("OPENQASM 3.0;\ngate x a {", ":2:11", "the file ends too early"),
        (HEADER_3 + "h q[5];\n", ":4:3", "index out of range"),
        (HEADER_3 + "cx q[0], q[0];\n", ":4:1", "duplicate"),
        (HEADER_3 + "rx(1/0) q[0];\n", ":4:4", "by zero"),
        ("OPENQASM 3.0;\nextern f(int) -> int;\n", ":2:1", "not supported"),
        (b"OPENQASM 2.0;\n\xff\xfe", "", "not a text file"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(tmp_path, text, place, reason):
    """Every refusal begins with file, line and column, and gives the reason on the same line."""
    with pytest.raises(UnreadableCircuitError) as refused:
        read(tmp_path, text)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'circuit.qasm'}{place}: ")
    assert reason in message
    assert "\n" not in message
