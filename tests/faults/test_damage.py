"""One damaged or missing key, beside real workers: its own job is harmed, the others go on."""

from __future__ import annotations

import pytest
from qiskit.providers import JobError
from support.circuits import bell
from support.faults.servers import lasting, running, site
from support.patience import deadline
from support.processes import eventually

from worker.record.keys import PREFIX, key

pytestmark = pytest.mark.rule(38)

LEASE = 1.5


@pytest.fixture
def here():
    """A site with a worker of one slot."""
    with site(LEASE) as found:
        found.hire()
        yield found


#: What is done to the record, given a client of Redis and the id of a job that waits.
STRIKES = {
    "a record is missing": lambda client, job_id: client.delete(key("job", job_id)),
    "a record is no hash": lambda client, job_id: client.set(key("job", job_id), "junk"),
    "a record is junk": lambda client, job_id: client.hset(
        key("job", job_id), mapping=dict.fromkeys(client.hkeys(key("job", job_id)), "junk")
    ),
    "stray entries": lambda client, _: [
        client.zadd(f"{PREFIX}{key}", {"junk": 0, "no/0": 0})
        for key in ("held", "sent:basicaer", "deadline", "kept", "untold", "turn:basicaer")
    ],
    "stray jobs in a line": lambda client, _: [
        client.zadd(key, {"junk": -(2.0**60), "no": -(2.0**59)}) for key in client.keys(f"{PREFIX}ready:*")
    ],
    "no line": lambda client, _: client.delete(*client.keys(f"{PREFIX}ready:*"), f"{PREFIX}turn:basicaer"),
    "nothing in flight": lambda client, _: client.delete(f"{PREFIX}sent:basicaer", f"{PREFIX}held"),
    "no register": lambda client, _: client.delete(*client.keys(f"{PREFIX}workers*"), f"{PREFIX}slots:basicaer"),
    "the counter is junk": lambda client, _: client.set(f"{PREFIX}clock", "junk"),
}


@pytest.mark.rule(38)
@pytest.mark.parametrize("strike", STRIKES)
def test_the_others_go_on(here, strike):
    """One key is damaged: the other queued jobs end DONE, new ones run, and the log says so."""
    backend = here.provider().get_backend()
    first = running(backend.run(lasting(100_000), shots=1))
    jobs = [backend.run(bell(), shots=10) for _ in range(6)]
    struck = jobs[3]
    with here.redis.client() as client:
        STRIKES[strike](client, struck.job_id())
    new = backend.run(bell(), shots=10)
    harmed = {struck} if strike.startswith("a record") else set()
    for each in {first, new, *jobs} - harmed:
        assert each.result(timeout=deadline(60)).success
    if harmed:
        with pytest.raises(JobError, match=r"damaged|it never was there, or was deleted"):
            struck.result(timeout=deadline(30))
        eventually(lambda: here.logged(struck.job_id()), what="a line in the log")
    if strike not in {"no register", "the counter is junk"}:
        eventually(lambda: here.logged("damage in the record: "), what="a line in the log")
    assert here.logged("a tick failed") == 0
    # Other owners', too.
    assert here.provider(BASICAER_OWNER="bob").get_backend().run(bell()).result(timeout=deadline(30)).success
