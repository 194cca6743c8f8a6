"""What a list says of a job, by the names of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.follow.durations import duration

if TYPE_CHECKING:
    from jobs.follow.summary import JobSummary


def job_cells(job: JobSummary, shown_id: str, now: float) -> dict[str, str]:
    """Return the text of each column that a list of jobs may have; what is not known is empty."""
    took = job.took(now)
    return {
        "JOB": shown_id,
        "STATUS": job.status,
        "CIRCUIT": job.title,
        "QUBITS": str(job.qubits or ""),
        "SHOTS": str(job.shots or ""),
        "OWNER": job.owner,
        "TOOK": "" if took is None else duration(took),
        "BACKEND": job.backend,
        "TAGS": ", ".join(job.tags),
    }
