"""A Celery app like `worker`, whose kernels sleep: `celery -A benchmarks.common.sleepers worker`.

All but the simulation is real: claims, looks, beats and completions, and messages and results in Celery. So the
traffic of many workers can be seen on a machine of few cores. A shard takes as many milliseconds as it has shots.
"""

from __future__ import annotations

import time
from typing import Any

from simulator import Monitor, execution
from simulator.shards.part import Part
from simulator.shards.result import Outcome
from simulator.shards.shard import Shard

#: Seconds between two checkpoints, as between two kernels.
_STEP = 0.005


def _sleep(shard: Shard, monitor: Monitor, **_: Any) -> Part:
    """Sleep, and answer as if all shots of each experiment had come out the same."""
    end = time.monotonic() + 1e-3 * shard.options.shots
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _STEP))
        monitor.checkpoint()
    return Part(
        tuple(
            Outcome(
                index=experiment.index,
                seed=experiment.seed,
                shots=shard.options.shots,
                outline=experiment.program.outline,
                counts={"0x0": shard.options.shots},
            )
            for experiment in shard.experiments()
        )
    )


# Before `worker.runtime.shard_run` takes the name: Celery imports it once it has this app.
execution.run_shard = _sleep  # type: ignore[assignment]

from worker import app  # noqa: E402 (see above)

__all__ = ["app"]
