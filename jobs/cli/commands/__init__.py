"""The commands about jobs. Each is a few lines around the provider."""

from jobs.cli.commands.deleting import delete
from jobs.cli.commands.exporting import export, import_job
from jobs.cli.commands.listing import list_jobs
from jobs.cli.commands.one_job import cancel, logs, partial, result, status
from jobs.cli.commands.running import run
from jobs.cli.commands.usage import usage
from jobs.cli.commands.watching import watch

__all__ = [
    "cancel",
    "delete",
    "export",
    "import_job",
    "list_jobs",
    "logs",
    "partial",
    "result",
    "run",
    "status",
    "usage",
    "watch",
]
