"""What a terminal and a notebook show of a job's handle: as soon as Redis answers, or without an answer."""

from __future__ import annotations

from jobs.connection import Connection
from jobs.errors import JobNotFoundError
from jobs.follow.progress import Progress, short_time, timestamps, utc
from jobs.follow.recorded import RecordedJob
from jobs.manifest import Manifest
from jobs.tables import html_table
from worker.record.values import Record


def glance(connection: Connection, job_id: str) -> Record | str:
    """Return a job's record, or why there is none to show; waits half a second at most, and never raises.

    For what is shown of a handle: it starts no embedded cluster, and does not stand still where Redis does.
    """
    try:
        record = connection.soon(RecordedJob(connection, job_id).read_in)
    except JobNotFoundError:
        return "not found"
    except Exception as error:  # noqa: BLE001 (whatever is wrong with a record, a repr says it)
        return f"not readable ({type(error).__name__})"
    return record or "status unknown"


def one_line(record: Record | str) -> str:
    """Return the status of a job, and when it was submitted."""
    return record if isinstance(record, str) else f"{record.state} {short_time(utc(record.created))}"


def job_table(job_id: str, backend: str, record: Record | str) -> str:
    """Return what a notebook shows of a job."""
    rows: list[tuple[str, object]] = [("backend", backend)]
    if isinstance(record, str):
        rows.append(("status", record))
    else:
        manifest = Manifest.decode(record.manifest)
        rows.append(("status", record.state))
        rows += [("circuits", manifest.num_circuits), ("shots", manifest.options["shots"])]
        rows += [(name, short_time(time)) for name, time in timestamps(record).items()]
        rows.append(("progress", Progress.of(record)))
        if manifest.tags:
            rows.append(("tags", ", ".join(manifest.tags)))
        if record.error_type is not None:
            rows.append(("error", f"{record.error_type}: {record.error_text}"))
    return html_table(f"Job {job_id}", rows)
