"""How a provider, its backends and its jobs reach Redis: one `Connection`, which all of them share.

It knows no provider, no backend and no job.
"""

from jobs.connection.connection import EMBEDDED, Connection
from jobs.connection.session import Session

__all__ = ["EMBEDDED", "Connection", "Session"]
