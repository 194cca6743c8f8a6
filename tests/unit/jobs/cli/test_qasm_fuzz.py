"""The reader of OpenQASM files under generated input: whatever the bytes, a Program or one line, within bounds."""

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import patience
from support.examples import examples
from support.in_process import context_of

from jobs.cli.qasm import UnreadableCircuitError, read_program
from jobs.cli.qasm.openqasm3 import read_3
from jobs.cli.qasm.source import Source
from jobs.submit.builder import JobBuilder
from simulator.options import Options

#: Seconds that reading may take here, and those after it until a process has ended and been waited for.
SECONDS, GRACE = 10, 20
pytestmark = pytest.mark.timeout(600)
ONE_LINE = re.compile(r"\S.*")
slow = settings(
    deadline=None,
    # `capfd` is read, and so emptied, for each input.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

INCLUDES = {2: 'include "qelib1.inc";\n', 3: 'include "stdgates.inc";\n'}
VERSIONS = {2: ("", "OPENQASM 2.0;\n", "// a comment\nOPENQASM 2.0;"), 3: ("", "OPENQASM 3.0;\n", "OPENQASM 3; ")}
REGISTERS = {2: ("qreg q[3];\ncreg c[2];\n",), 3: ("qubit[3] q;\nbit[2] c;\n", "qreg q[3];\ncreg c[2];\n")}
MEASURES = {2: ("measure q[0] -> c[0];",), 3: ("c[0] = measure q[0];", "measure q[1] -> c[1];")}
#: What OpenQASM 3 has around a gate, or beside it.
MORE = (
    "ctrl @ x q[0], q[1];",
    "inv @ {}",
    "for int i in [0:3] {{ {} rx(i) q[0]; }}",
    "for uint i in {{1, 5}} {{ {} }}",
    "while (c[0]) {{ {} }}",
    "if (c[1]) {{ {} }} else {{ x q[0]; }}",
    "box {{ {} }}",
    "delay[10ns] q[0];",
)
#: Name -> parameters and qubits.
GATES = {
    "h": (0, 1),
    "x": (0, 1),
    "rx": (1, 1),
    "u3": (3, 1),
    "p": (1, 1),
    "cx": (0, 2),
    "crz": (1, 2),
    "ccx": (0, 3),
}
ANGLES = {
    2: st.sampled_from(["pi", "0.5", "1", "-pi/2", "sin(1)", "2^3", "sqrt(2)*3", "(1+2)*3", "1e-3", "asin(0.5)"]),
    3: st.sampled_from(["pi", "0.5", "1", "-pi/2", "2*3.5", "(1+2)*3", "1e-3", "tau", "0x10", "1_000"]),
}
#: What a slip, or a page of the web, puts into a file.
SLIPS = [
    "#", "?", "“", "\u00a0", "\ufeff", "\0", "\x1b[31m", "é", '"', "'", "/*", "//", "{", "}", "(", ")", "[", "]",
    ";", ",", "->", "==", "=", "\r", "\t", "@", "$", "$99999999999", "18446744073709551616", "9" * 5000, "1e999",
    "-1", "qreg q[4000000000];", "qubit[100000000] r;", "creg c[18446744073709551616];", "bit[99999999] c;",
    "rx q[0];", "if(c==0)", "if (c == 1) {", "else", "while(c==0){", "for int i in [0:100000000] {",
    "for int i in [0:0:5] {", "gate g a {", "gate cu(a) x, y { cx x, y; }", "opaque o a;",
    'include "circuit.qasm";', 'include "/dev/zero";', 'include "qelib1.inc";', 'include "stdgates.inc";',
    "OPENQASM 2.0;", "OPENQASM 3.0;", "OPENQASM 9.9;", "measure q;", "reset q;", "barrier;",
    "ctrl(99999999999) @ x q[0];", "pow(1e400) @ x q[0];", "negctrl @", "inv @", "gphase(pi);", "input float t;",
    "const int n = 5;", "def f() {}", "box {", "delay[1e400ns] q;", "delay[99999999999999999999dt] q;",
    "u0(1e999) q[0];", "u0(3) q[0];", "let a = q[0:1];", "q", "c", "pi", "0", "++", "**", "<<", "~", "!", "%",
    "&", "|", "#pragma x\n", "@a b\n", "switch (c) {", "break;", "continue;", "return;", "end;", "cal {",
    "defcal x q {", "extern",
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def learned():
    """What the parser of OpenQASM 3 learns of its grammar as it reads, for all the processes that are forked."""
    for lines in (
        "mine(1) q[0], q[1]; if (c == 1) rx(-(1+2)*3/4) q[0];",
        *(frame.format("h q[0];") for frame in MORE[2:]),
    ):
        text = INCLUDES[3] + REGISTERS[3][0] + "gate mine(t) a, b { rx(t/2) a; cx a, b; }\n" + lines
        read_3(Source(Path("learned.qasm"), text))


def check(tmp_path_factory, capfd, data):
    """Read the bytes; return the Program, or None where they are refused as they must be."""
    path = tmp_path_factory.mktemp("fuzz") / "circuit.qasm"
    path.write_bytes(data)
    begin = time.monotonic()
    try:
        program = read_program(path, SECONDS)
    except UnreadableCircuitError as error:
        program = None
        text = str(error)
        assert text.isprintable() and ONE_LINE.fullmatch(text)
        assert text.startswith(str(path)) or re.match(r"[\w.]+:\d+:\d+: ", text)
        assert "Traceback" not in text and "0x7f" not in text
    assert time.monotonic() - begin < patience.deadline(SECONDS + GRACE)
    assert capfd.readouterr() == ("", "")
    if program is not None:
        # What was read can be asked to run, or is refused by name.
        options = Options(output="counts", shots=1, memory=False)
        context = context_of(max_qubits=4096, max_result_bytes=1 << 40)
        list(JobBuilder(options, 1, context).items(program, None))
    return program


@st.composite
def files(draw):
    """Draw a valid file of either language."""
    version = draw(st.sampled_from([2, 3]))
    header = draw(st.sampled_from(VERSIONS[version])) + INCLUDES[version]
    lines = [draw(st.sampled_from(REGISTERS[version])), "gate mine(t) a, b { rx(t/2) a; cx a, b; }\n"]
    lines += draw(st.lists(statements(version).map("{}\n".format), max_size=12))
    return (header + "".join(lines)).replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@st.composite
def statements(draw, version):
    """Draw a valid statement on three qubits and two clbits."""
    qubits = draw(st.permutations(["q[0]", "q[1]", "q[2]"]))
    name, (params, width) = draw(st.sampled_from(sorted(GATES.items())))
    angles = ", ".join(draw(ANGLES[version]) for _ in range(params))
    gate = f"{name}{f'({angles})' if params else ''} {', '.join(qubits[:width])};"
    kinds = [
        st.just(gate),
        st.just(f"mine({draw(ANGLES[version])}) {qubits[0]}, {qubits[1]};"),
        st.integers(0, 3).map(lambda value: f"if (c == {value}) {gate}"),
        st.sampled_from([*MEASURES[version], "reset q;", "barrier q[0], q[2];", "// a comment; with { signs"]),
    ]
    if version == 3:
        kinds.append(st.sampled_from(MORE).map(lambda frame: frame.format(gate)))
    return draw(st.one_of(kinds))


@examples(60, slow)
@given(file=files())
def test_every_valid_file_is_read(tmp_path_factory, capfd, file):
    """What the grammar makes is read, with and without a version line."""
    assert check(tmp_path_factory, capfd, file.encode()) is not None


@examples(60, slow)
@given(file=files(), seed=st.integers(0, 1 << 32), count=st.integers(1, 4))
def test_a_file_with_slips_is_read_or_refused_in_one_line(tmp_path_factory, capfd, file, seed, count):
    """Parts that are put in, left out, doubled or swapped give a Program or one line, and nothing is printed."""
    generator = random.Random(seed)
    text = file
    for _ in range(count):
        start = generator.randrange(len(text) + 1)
        end = min(len(text), start + generator.choice([1, 1, 3, 20]))
        text = generator.choice([
            text[:start] + generator.choice(SLIPS) + text[start:],
            text[:start] + generator.choice(SLIPS) + text[end:],
            text[:start] + text[end:],
            text[:end] + text[start:],
            text[:start],
        ])  # fmt: skip
    check(tmp_path_factory, capfd, text.encode("utf-8"))


@examples(60, slow)
@given(
    header=st.sampled_from([b"", b"OPENQASM 2.0;\n", b"OPENQASM 3.0;\n"]),
    data=st.binary(max_size=300) | st.lists(st.sampled_from(SLIPS), max_size=30).map(" ".join).map(str.encode),
)
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, capfd, header, data):
    """Bytes of any kind, behind either version line or none."""
    check(tmp_path_factory, capfd, header + data)


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("slip", SLIPS)
def test_each_slip_alone_is_read_or_refused_in_one_line(tmp_path_factory, capfd, version, slip):
    """Each of the slips that the generated tests put in, as a statement of its own."""
    text = VERSIONS[version][1] + INCLUDES[version] + "qreg q[3];\ncreg c[2];\nh q[0];\n" + slip + "\nh q[1];\n"
    check(tmp_path_factory, capfd, text.encode())
