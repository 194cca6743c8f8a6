"""One line of a worker's log for each run of a shard: what it was, whose, how long it took, and what failed.

And one for each run whose process died, which says what becomes of the shard.
"""

from __future__ import annotations

import logging

from worker.record.limits import LAPSE_LIMIT
from worker.record.values import Claim, ShardId
from worker.runtime.shard_run import RunOutput

logger = logging.getLogger(__name__)

#: Characters of an error's text that stand in a line.
_LONGEST_ERROR = 300


def log_run(task_id: str, claim: Claim, output: RunOutput) -> None:
    """Log a run that has completed its shard; ``task_id`` is the job's id, or a shard's with its number."""
    fields = {
        "event": "failed" if output.error else "done",
        "task": task_id,
        "owner": claim.owner,
        **(output.about._asdict() if output.about else {}),
        "seconds": round(output.seconds, 6),
        "attempt": claim.attempt,
    }
    about = output.about
    what = ""
    if about is not None:
        what = f"{about.circuit}, {_counted(about.qubits, 'qubit')}, {_counted(about.shots, 'shot')}, "
    took = f"in {_three_digits(output.seconds)} s: {what}owner {claim.owner}, attempt {claim.attempt}"
    if output.error is None:
        logger.info("%s done %s", task_id, took, extra={"fields": fields})
        return
    kind, text, _ = output.error
    text = text.partition("\n")[0][:_LONGEST_ERROR]
    fields |= {"error": kind, "reason": text}
    logger.warning("%s failed %s: %s: %s", task_id, took, kind, text, extra={"fields": fields})


def log_death(shard_id: ShardId, reason: str, losses: int) -> None:
    """Log what becomes of a shard whose run has no process any more: ``losses`` is what DIED returned."""
    if not losses:
        return
    then = "runs again" if losses < LAPSE_LIMIT else "has no attempt left, and fails"
    fields = {"event": "died", "task": str(shard_id), "reason": reason, "losses": losses}
    logger.warning(
        "%s: %s: it %s when its lease ends (loss %d of %d)", shard_id, reason, then, losses, LAPSE_LIMIT,
        extra={"fields": fields},
    )  # fmt: skip


def _three_digits(seconds: float) -> str:
    """Return seconds with three digits, or all of a large number's."""
    return f"{seconds:.3g}" if seconds < 1000 else f"{seconds:.0f}"  # noqa: PLR2004 (no exponent)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
