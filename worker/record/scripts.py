"""The scripts of ``lua/``, each behind its preludes, ready to be called in one round trip."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import redis

from worker.record.keys import OPERATOR, PREFIX, lua_names
from worker.record.limits import LEAST_WINDOW, RECORD_BYTES, USUAL_QUOTA
from worker.settings import TASK

_FOLDER = Path(__file__).parent / "lua"
#: Script -> the preludes that it stands on.
_STATES = ("keys", "message", "states", "damage", "fill")
_REGISTRY = (*_STATES, "registry")
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
    "feed": (*_REGISTRY, "repair"),
    "unregister": _REGISTRY,
    "workers": _REGISTRY,
}


#: What the scripts know of `worker.record.limits` and `worker.settings`.
_CONSTANTS = (
    f"local LEAST_WINDOW, RECORD_BYTES, USUAL_QUOTA = {LEAST_WINDOW}, {RECORD_BYTES}, {USUAL_QUOTA}\n"
    f'local TASK = "{TASK}"'
)


@cache
def source(name: str) -> str:
    """Return a script's whole text: names of keys and limits, the preludes, and the script itself."""
    files = (_FOLDER / f"{part}.lua" for part in (*_SCRIPTS[name], name))
    return "\n".join([lua_names(), _CONSTANTS, *(file.read_text("utf-8") for file in files)])


class Scripts:
    """The scripts on one server, for one queue and lease (milliseconds)."""

    def __init__(self, client: redis.Redis, queue: str, lease: int) -> None:
        self._scripts = {name: client.register_script(source(name)) for name in _SCRIPTS}
        self._common = (queue, lease)

    def __call__(self, name: str, *arguments: str | bytes | memoryview | int, operator: bool = False) -> Any:
        """Run a script; its ARGV are the queue, the lease, and these.

        ``operator``: as an operator, who has a right to the key `OPERATOR`: Redis refuses it to others.
        """
        named = (PREFIX, OPERATOR) if operator else (PREFIX,)
        return self._scripts[name](keys=named, args=(*self._common, *arguments))
