"""Two worker nodes of one name, as on cloned machines or in two terminals, are two."""

from __future__ import annotations

import re
import shutil
import signal

from support.circuits import bell
from support.command_line import basicaer
from support.faults.farm import lasting
from support.patience import deadline
from support.processes import RedisServer, Worker, eventually

from jobs import BasicAerProvider


def test_two_nodes_of_one_name_are_two(short_folder):
    """Both count, in capacity, list, usage and log; one that stops or dies leaves the other."""
    server = RedisServer(short_folder).start()
    nodes = [Worker(server.url, short_folder, name="w", BASICAER_LEASE="2") for _ in range(2)]
    provider = BasicAerProvider(server.url)
    try:
        eventually(lambda: nodes[0].log.read_text().count("ready.") == 2, within=40, what="two nodes")
        eventually(lambda: len(provider.workers()) == 2, what="two workers")
        up = provider.workers()
        assert {each.name for each in up} == {nodes[0].name}
        with provider.connection.reaching() as connection:
            assert connection.store.window() == 2
        job = provider.get_backend().run([lasting(0.3)] * 6, shots=1)
        job.result(timeout=deadline(60))
        usage = job.usage().by_worker
        assert set(usage) == {each.node for each in up}
        assert {entry.worker for entry in job.logs()} == {None, *usage}
        shown = basicaer("workers", url=server.url).output
        assert all(each.node in shown for each in up)
        warning = "another node named w@test was heard of"
        eventually(lambda: warning in nodes[0].log.read_text(), what="the warning")

        nodes[0].stop()
        eventually(lambda: len(provider.workers()) == 1, within=2, what="one of the two alone")
        assert provider.get_backend().run(bell()).result(timeout=deadline(30)).success
        with provider.connection.reaching() as connection:
            eventually(lambda: connection.store.client.hlen("basicaer:1:slots:basicaer") == 1, what="one slot")
        third = Worker(server.url, short_folder, name="w", BASICAER_LEASE="2")
        nodes.append(third)
        eventually(lambda: len(provider.workers()) == 2, within=40, what="two again")
        nodes[1].stop(signal.SIGKILL)
        eventually(lambda: len(provider.workers()) == 1, within=20, what="the dead one's lapse")
        # Alone, a node goes by its name.
        last = provider.get_backend().run(bell())
        last.result(timeout=deadline(30))
        assert set(last.usage().by_worker) == {third.name}
        assert re.fullmatch(r"w@test#[0-9a-f]{8}", provider.workers()[0].node)
    finally:
        provider.close()
        for node in nodes:
            node.stop(signal.SIGKILL)
        server.stop()
        shutil.rmtree(short_folder, ignore_errors=True)
