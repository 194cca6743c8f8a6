"""Warnings of what a user asked for: each names the user's own line, however deep it was found."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

#: Where the code of this distribution is.
_OURS = tuple(str(Path(__file__).parents[1] / name) + os.sep for name in ("jobs", "simulator", "worker"))


def warn_user(message: str) -> None:
    """Warn, at the first line of the call stack that is not ours."""
    level, frame = 2, sys._getframe(1)  # noqa: SLF001 (as `warnings` itself finds a line)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
