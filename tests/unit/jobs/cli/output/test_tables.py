"""Tables that fit a terminal, short ids, and times."""

from __future__ import annotations

import time
from datetime import datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support.command_line import basicaer

from jobs.cli.commands.times import moment, moment_text
from jobs.cli.output.tables import Column, columns_of, table
from jobs.cli.output.terminal import stderr, wrapped
from jobs.follow.durations import duration
from jobs.follow.ids import short_id, short_ids

COLUMNS = (Column("JOB"), Column("NAME", 1, least=6), Column("SHOTS", 3, right=True), Column("TAGS", 2, least=4))
ROWS = [["77c699d4", "a_very_long_name", "1024", "red, green"], ["1921fcca", "qft", "7", ""]]
RANDOM = "77c699d4-a3b2-480a-b520-6a8c56b283e8"


def lines(width, rows=ROWS):
    return columns_of(COLUMNS, rows, width=width).plain.splitlines()


def test_nothing_is_cut_off_a_terminal():
    """As wide as it has to be, numbers to the right."""
    assert lines(None) == [
        "JOB       NAME              SHOTS  TAGS",
        "77c699d4  a_very_long_name   1024  red, green",
        "1921fcca  qft                   7",
    ]


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (80, "JOB NAME SHOTS TAGS"),
        (30, "JOB NAME SHOTS TAGS"),
        (25, "JOB NAME TAGS"),
        (16, "JOB NAME"),
        (9, "JOB"),
    ],
)
def test_what_matters_least_goes_first(width, header):
    """Columns go by their rank, names are cut and say so, and an id stays whole."""
    shown = lines(width)
    assert shown[0].split() == header.split()
    assert shown[1].startswith("77c699d4")
    assert max(map(len, shown)) <= width
    assert ("~" in shown[1]) == (9 < width < 80)


def test_letters_that_take_two_columns():
    """A name in Chinese stands in its columns, also where it is cut."""
    rows = [["77c699d4", "\u91cf\u5b50\u6001\u9690\u5f62\u4f20\u6001", "7", ""], ["1921fcca", "qft", "1024", ""]]
    for width in (None, 30, 27):
        _, *shown = lines(width, rows)
        assert len({cell_len(line) for line in shown}) == 1
        assert cell_len(shown[0]) <= (width or 80)


def test_a_column_of_nothing_is_left_out():
    """Where no job has tags, no column has room for them."""
    assert "TAGS" not in lines(None, [["a", "b", "1", ""]])[0]


@given(
    st.lists(st.tuples(*[st.text(st.characters(codec="ascii"), max_size=30)] * 4), max_size=5),
    st.integers(40, 150),
)
def test_a_table_fits(rows, width):
    """Whatever stands in it, no line is longer than the terminal, and none sends what moves its cursor."""
    shown = columns_of(COLUMNS, [("x", *row[1:]) for row in rows], width=width).plain
    assert len(shown.split("\n")) == len(rows) + 1
    assert all(len(line) <= width and line.isprintable() for line in shown.split("\n"))


def test_ids_are_as_short_as_they_differ():
    """Eight letters of a random id, and more where another begins so; twenty of a name."""
    twin = "77c699d4-a3ff-480a-b520-6a8c56b283e8"
    assert short_ids([RANDOM, "1921fcca" + RANDOM[8:]]) == {
        RANDOM: "77c699d4",
        "1921fcca" + RANDOM[8:]: "1921fcca",
    }
    assert short_ids([RANDOM, twin, "mine"]) == {RANDOM: "77c699d4-a3b", twin: "77c699d4-a3f", "mine": "mine"}
    assert short_id("an-experiment-of-a-long-day") == "an-experiment-of-a-l"


@given(st.lists(st.text("ab-", min_size=1, max_size=40), unique=True))
def test_no_short_id_means_two(ids):
    """Each is the beginning of its own id, and of no other unless it is that whole id."""
    short = short_ids(ids)
    for job_id, shown in short.items():
        assert job_id.startswith(shown)
        assert shown == job_id or not any(other.startswith(shown) for other in ids if other != job_id)


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", 90), ("30min", 1800), ("1.5h", 5400), ("7d", 604800), ("2 w", 1209600)]
)
def test_moments_ago(text, ago):
    """A number and a unit are that long ago."""
    assert moment(None, None, text) == pytest.approx(time.time() - ago, abs=5)


def test_moments():
    """A date is local midnight, nothing is None, and what is neither is refused with what may be."""
    assert moment(None, None, "2026-01-31") == datetime(2026, 1, 31).astimezone().timestamp()
    assert moment(None, None, None) is None
    with pytest.raises(click.BadParameter, match="'soon' is no time: give how long ago in s, min, h, d or w"):
        moment(None, None, "soon")


def test_moments_are_read():
    """Of today the time, of this year no year."""
    now, *moments = [
        datetime.strptime(text, "%Y-%m-%d %H").astimezone().timestamp()
        for text in ("2026-06-05 12", "2026-06-05 01", "2026-06-04 01", "2025-06-05 00")
    ]
    texts = [moment_text(each, now) for each in moments]
    assert texts == ["01:00:00", "06-04 01:00", "2025-06-05"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.000 s"),
        (0.0123, "0.012 s"),
        (9.96, "10.0 s"),
        (45, "45 s"),
        (150, "2.5 min"),
        (1e5, "28 h"),
        (1e6, "12 days"),
    ],
)
def test_durations(seconds, text):
    """In the unit that fits."""
    assert duration(seconds) == text


def test_text_is_broken_between_words(monkeypatch):
    """On a terminal of 40 columns a text has lines of whole words, and elsewhere it is one line."""
    text = "There is one-word-with-many-hyphens in it, and more words than one line holds."
    assert wrapped(stderr(), text) == text
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    broken = wrapped(stderr(), text, begins=7)
    assert broken.split() == text.split()
    assert [len(line) <= 40 - 7 * (not index) for index, line in enumerate(broken.split("\n"))] == [True] * 3


@pytest.mark.usefixtures("no_settings")
def test_a_bad_time_ends_with_2():
    """It is refused before anything is reached."""
    done = basicaer("jobs", "--since", "tomorrow")
    assert done.exit_code == 2
    assert "'tomorrow' is no time" in done.stderr
    # Minutes to one, months to another.
    for command in (["jobs", "--since"], ["usage", "--since"], ["delete", "--older-than"]):
        done = basicaer(*command, "6m")
        assert done.exit_code == 2
        assert "'6m' is no time: give how long ago in s, min, h, d or w" in " ".join(done.stderr.split())
    assert basicaer("jobs", "--all", "--owner", "ann").exit_code == 2


def test_what_is_longer_than_a_line_stays_whole():
    """An address in the last column is not broken, however narrow the terminal is."""
    address = (
        "rediss://redis.laboratory.example.org:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/basicaer/ca.crt"
    )
    shown = table(["CHECK", "FOUND"], [["cluster", f"{address}: answers in 1 ms"]], width=60).plain
    assert address in shown
    assert all(cell_len(line) <= 60 for line in shown.splitlines() if address not in line)
