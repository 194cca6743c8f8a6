"""Files of the user's that hide this package's: Python and Celery look in the current folder first."""

from __future__ import annotations

from pathlib import Path

_PACKAGES = ("jobs", "worker", "simulator")
_OURS = Path(__file__).parents[2]


def shadows(folder: Path) -> list[Path]:
    """Return what in ``folder`` would be imported in place of our packages; nothing in our own source tree."""
    if folder.resolve() == _OURS:
        return []
    candidates = [folder / f"{name}{suffix}" for name in _PACKAGES for suffix in (".py", "")]
    # A folder without __init__.py loses to an installed package.
    return [path for path in candidates if path.is_file() or (path / "__init__.py").is_file()]
