"""The scripts of ``lua/``, each behind its preludes, ready to be called in one round trip."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import redis

from worker.keys import PREFIX

_FOLDER = Path(__file__).parent / "lua"
#: Script -> the preludes that it stands on.
_STATES, _FLEET = ("states",), ("states", "fleet")
_SCRIPTS = {
    "submit": _STATES,
    "claim": _STATES,
    "beat": _STATES,
    "put": _STATES,
    "complete": _STATES,
    "release": _STATES,
    "fail": _STATES,
    "died": _STATES,
    "cancel": _STATES,
    "delete": _STATES,
    "annotate": _STATES,
    "list": _STATES,
    "position": _STATES,
    "feed": _FLEET,
    "unregister": _FLEET,
    "workers": _FLEET,
}


@cache
def source(name: str) -> str:
    """Return a script's whole text."""
    return "\n".join((_FOLDER / f"{part}.lua").read_text("utf-8") for part in (*_SCRIPTS[name], name))


class Scripts:
    """The scripts on one server, for one lane and lease (milliseconds)."""

    def __init__(self, client: redis.Redis, lane: str, lease: int) -> None:
        self._scripts = {name: client.register_script(source(name)) for name in _SCRIPTS}
        self._common = (lane, lease)

    def __call__(self, name: str, *arguments: str | bytes | memoryview | int) -> Any:
        """Run a script; its ARGV are the lane, the lease, and these."""
        return self._scripts[name](keys=(PREFIX,), args=(*self._common, *arguments))
