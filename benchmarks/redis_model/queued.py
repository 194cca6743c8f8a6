"""What queued circuits take in Redis: many jobs of one small circuit, and one job of as many; and of what it is.

``python -m benchmarks.redis_model.queued`` prints bytes for each circuit, while no worker is up: what Redis uses
in all, and what it says of each kind of key. tests/integration/test_queued_memory.py holds the bounds.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

from benchmarks.common.families import bell
from benchmarks.common.site import Site, end_at_sigterm
from jobs import BasicAerProvider
from worker.record.keys import PREFIX

_SIZES = (1_000, 10_000)
_SHOTS = 1024


def main() -> None:
    """Measure and print."""
    end_at_sigterm()
    argparse.ArgumentParser(prog="queued", description=__doc__).parse_args()
    cases: dict[str, Callable[[BasicAerProvider, int], None]] = {
        "jobs of one circuit": _jobs,
        "circuits in one job": _list,
    }
    for name, submit in cases.items():
        for size in _SIZES:
            with Site() as site, site.provider() as provider:
                # What is made once: connections, scripts.
                provider.get_backend().run(bell(), shots=_SHOTS).cancel()
                before = _used(site)
                kinds = _by_kind(site)
                submit(provider, size)
                each = (_used(site) - before) / size
                parts = _by_kind(site) - kinds
                print(f"{size:,} {name}: {each:,.0f} bytes each of Redis's memory", flush=True)
                print("    " + ", ".join(f"{kind} {total / size:,.0f}" for kind, total in parts.most_common(9)))


def _jobs(provider: BasicAerProvider, size: int) -> None:
    backend, circuit = provider.get_backend(), bell()
    for _ in range(size):
        backend.run(circuit, shots=_SHOTS)


def _list(provider: BasicAerProvider, size: int) -> None:
    provider.get_backend().run([bell()] * size, shots=_SHOTS)


def _used(site: Site) -> int:
    site.client.memory_purge()
    return int(site.client.info("memory")["used_memory"])


def _by_kind(site: Site) -> Counter[str]:
    """Return the bytes of all keys, by what their names begin with; Celery's and the queue's among them."""
    sizes: Counter[str] = Counter()
    for key in site.client.scan_iter(count=1000):
        name = key.decode()
        kind = name.removeprefix(PREFIX).partition(":")[0] if name.startswith(PREFIX) else name[:20]
        sizes[kind] += site.client.memory_usage(key, samples=0) or 0
    return sizes


if __name__ == "__main__":
    main()
