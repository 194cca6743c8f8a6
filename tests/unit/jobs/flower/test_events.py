"""Events of Celery's that are none: they are dropped, and what comes after them is heard."""

from __future__ import annotations

import logging

import pytest
from celery import Celery

pytest.importorskip("flower")
from jobs.flower.events import SteadyReceiver, check_event

GOOD = {
    "type": "task-started",
    "uuid": "mine",
    "hostname": "w1@host",
    "clock": 7,
    "timestamp": 1.5,
    "utcoffset": 0,
    "pid": 3,
}
#: What a sender may have made of an event.
BAD = [
    None,
    5,
    "task-started",
    {},
    [[GOOD]],
    GOOD | {"type": None},
    GOOD | {"type": 5},
    GOOD | {"clock": "late"},
    GOOD | {"clock": 0.5},
    GOOD | {"timestamp": "now"},
    GOOD | {"utcoffset": "here"},
    GOOD | {"uuid": None},
    GOOD | {"hostname": ["w1"]},
    {name: value for name, value in GOOD.items() if name != "uuid"},
    {name: value for name, value in GOOD.items() if name != "timestamp"},
]


@pytest.fixture
def heard():
    """The events that got through, and a function that receives a message with such a body."""
    taken = []

    def take(event):
        check_event(event)
        taken.append(event)

    with Celery("heard", broker="memory://", set_as_current=False) as app, app.connection() as connection:
        receiver = SteadyReceiver(connection, handlers={"*": take}, app=app)
        yield taken, lambda body: receiver._receive(body, None)


@pytest.mark.parametrize("bad", BAD, ids=repr)
def test_a_malformed_event_is_dropped(heard, caplog, bad):
    """Those before and behind it in the same message are heard, and later messages, too; one line says so."""
    taken, receive = heard
    with caplog.at_level(logging.WARNING):
        receive([dict(GOOD, uuid="before"), bad, dict(GOOD, uuid="behind")])
        receive(bad)
        receive(dict(GOOD, uuid="later"))
    assert [event["uuid"] for event in taken] == ["before", "behind", "later"]
    assert [record.getMessage().startswith("an event is dropped: ") for record in caplog.records] == [True, True]
