"""What the terminal shows of counts and amplitudes."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobs.cli.output.bars import bars
from jobs.cli.output.report import print_amplitudes, print_counts, print_matrix


def printed(show, value, width=70, encoding="utf-8"):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(Console(file=stream, width=width, highlight=False), value)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding).splitlines()


def test_states_are_sorted_and_aligned():
    """The largest count stands first, with the longest bar; states, bars and figures each start in one column."""
    lines = printed(print_counts, {"0 00": 250, "1 11": 500, "1 00": 250})
    assert [line.split("  ")[1] for line in lines] == ["1 11", "0 00", "1 00"]
    assert len({len(line) for line in lines}) == 1
    assert [line.count("█") for line in lines] == [48, 24, 24]
    assert lines[0].endswith("500   50.0%")


def test_a_rare_state_still_shows():
    """One count in a million has a sliver of a bar."""
    lines = printed(print_counts, {"0": 999_999, "1": 1})
    assert "▏" in lines[1]


def test_states_beyond_the_rows_are_summed_up():
    """The sixteen most frequent of many states are shown, and one line says how many and how much is left."""
    lines = printed(print_counts, {f"{n:05b}": 10 for n in range(32)})
    assert len(lines) == 17
    assert lines[-1] == "  and 16 more: 160 shots, 50.0%"


def test_a_terminal_without_utf8_gets_ascii():
    """Bars are drawn with # where the encoding has no blocks."""
    assert printed(print_counts, {"0": 3}, encoding="ascii")[0].count("#") == 48


@pytest.mark.rule(31)
@pytest.mark.parametrize("counts", [{}, {"00": 0}])
def test_no_counts_are_said(counts):
    """Zero shots, or no clbits, are not an error."""
    assert printed(print_counts, counts) == ["  no counts"]


@given(
    st.lists(st.tuples(st.integers(0, 2**30 - 1), st.integers(1, 10**9)), min_size=1, max_size=20),
    st.integers(40, 200),
)
def test_no_line_is_wider_than_the_terminal(items, width):
    """However wide the states are, a line fits; states that do not fit are shown in hex."""
    rows = [(f"{state:030b}", count, f"{count:>10} {1:7.1%}") for state, count in items]
    for state, bar, figures in bars(rows, width=width):
        assert len(state) + len(bar) + len(figures) + 4 <= max(width, 10 + 8 + 18 + 4)
        assert int(state, 0 if state.startswith(" ") or "x" in state else 2) < 2**30


def test_amplitudes_show_phase_and_probability():
    """A statevector is shown by its largest amplitudes, qubit 0 rightmost."""
    lines = printed(print_amplitudes, np.array([0, 0.6, 0, 0.8j]))
    assert lines[0].split()[0] == "11"
    assert lines[0].endswith("+0.0000 +0.8000i   64.0%")
    assert lines[1].split()[0] == "01"
    assert len(lines) == 2


def test_a_large_matrix_is_told_by_its_shape():
    """A unitary of four qubits or more is not printed element by element."""
    assert len(printed(print_matrix, np.eye(8), width=200)) == 8
    assert printed(print_matrix, np.eye(16)) == ["  a matrix of 16 x 16: --json prints all of it"]
