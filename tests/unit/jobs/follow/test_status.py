"""One table says what each state means."""

from __future__ import annotations

import pytest
from celery import states
from qiskit.providers import JobStatus

from jobs.follow.status import CELERY_STATUS, RECORD_STATUS
from worker.record.values import FINAL_STATES


@pytest.mark.rule(5)
def test_every_celery_state_has_a_row():
    """Every Celery state has exactly one row."""
    assert set(CELERY_STATUS) == states.ALL_STATES | {states.REJECTED, states.IGNORED}


def test_the_record_and_qiskit_agree_on_what_is_final():
    """A record's final states are Qiskit's."""
    final = {JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED}
    assert {RECORD_STATUS[state] for state in FINAL_STATES} == final
    assert {status for state, status in RECORD_STATUS.items() if state not in FINAL_STATES}.isdisjoint(final)
