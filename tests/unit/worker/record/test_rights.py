"""Whose job it is: its owner's to cancel, delete and tag, and an operator's."""

from __future__ import annotations

import pytest

from worker.errors import NotOwnerError
from worker.record.listing import JobFilter
from worker.record.store import Store
from worker.record.values import ShardId

CALLS = {
    "cancel": lambda store: store.cancel("job"),
    "delete": lambda store: store.delete("job"),
    "annotate": lambda store: store.annotate("job", b"other", ("other",)),
}


@pytest.fixture(params=["QUEUED", "DONE"])
def state(request, store, submit):
    """Ann's job, in this state."""
    submit(manifest=b"hers", tags=("hers",))
    if request.param == "DONE":
        store.claim(ShardId("job", 0), "t")
        store.complete(ShardId("job", 0), "t", b"part")
    return request.param


@pytest.mark.rule(8)
@pytest.mark.parametrize("call", CALLS)
def test_another_owner_is_refused(store, client, state, call):
    """Cancel, delete and annotate of another owner's job say whose it is, and change nothing."""
    text = r"Job job belongs to 'ann', and you are 'bob'.*BASICAER_OWNER.*--as-operator"
    with pytest.raises(NotOwnerError, match=text):
        CALLS[call](Store(client, owner="bob"))
    record = store.read("job")
    assert (record.state, record.manifest) == (state, b"hers")
    assert [each.id for each in store.find("ann", JobFilter(tags=("hers",)))] == ["job"]


@pytest.mark.rule(8)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("owner", ["ann", None])
def test_its_owner_and_an_operator_may(store, client, state, call, owner):
    """Its owner, and an operator's store, cancel, delete and annotate it as far as its state allows."""
    reply = CALLS[call](Store(client, owner=owner))
    assert bool(reply) == {"cancel": state == "QUEUED", "delete": state == "DONE", "annotate": True}[call]


@pytest.mark.rule(8)
def test_a_revoke_of_celerys_is_an_operators(store, client, submit):
    """Whoever notices that a job was revoked through Celery carries that to its record."""
    submit()
    other = Store(client, owner="bob")
    client.set("celery-task-meta-job", '{"status": "STARTED", "result": null}')
    with pytest.raises(NotOwnerError):
        other.cancel("job")
    client.set("celery-task-meta-job", '{"status": "REVOKED", "result": null}')
    assert other.cancel("job") is not None
    assert store.read("job").state == "CANCELLED"


@pytest.mark.rule(13)
def test_an_unknown_job_is_nobodys(client, clock):
    """Of a job that is not there nobody is told that it is another's."""
    other = Store(client, owner="bob")
    assert [call(other) for call in CALLS.values()] == [None, False, False]
