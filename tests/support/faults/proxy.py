"""A line between a Redis and those who call it, which a test can cut, break off, or make silent.

It listens on a unix socket, forwards to another, and knows two things of what passes: which connection calls
which script of the store, and which one listens to announcements.
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from worker.record.scripts import source

_SIZE = 1 << 16


class Proxy:
    """A proxy that runs until `close`."""

    def __init__(self, target: Path, path: Path) -> None:
        self.url = f"redis+socket://{path}?virtual_host=0"
        #: Replies that were cut so far.
        self.cuts = 0
        self._target = target
        self._path = path
        self._lock = threading.Lock()
        self._lines: set[_Line] = set()
        self._doomed: dict[bytes, int] = {}
        #: Whether announcements are swallowed.
        self.mute = False
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        """Take calls; at first, and after `shut`."""
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut every line, both ways, and take no more calls."""
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            # Wakes the accepting thread, which a close alone would not.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.cut()

    close = shut

    def forward_to(self, target: Path) -> None:
        """Lead new lines to another Redis, as a moved address does; those that are open stay."""
        self._target = target

    def cut(self) -> None:
        """Cut every line, both ways; new ones may be opened at once."""
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            line.hang_up()

    def cut_reply(self, script: str, times: int = 1) -> None:
        """Let the next calls of this script pass, and hang up before the caller has its answer."""
        with self._lock:
            self._doomed[_sha(script)] = times

    def called(self, passing: bytes) -> bool:
        """Whether the reply to what passes shall be cut; for the lines."""
        with self._lock:
            return any(times and sha in passing for sha, times in self._doomed.items())

    def spent(self, passing: bytes) -> None:
        """Count a reply that was cut; for the lines."""
        with self._lock:
            for sha in self._doomed:
                if sha in passing:
                    self._doomed[sha] -= 1
                    self.cuts += 1

    def forget(self, line: _Line) -> None:
        """Drop a line that has ended; for the lines."""
        with self._lock:
            self._lines.discard(line)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._target))
            except OSError:
                caller.close()
                server.close()
                continue
            line = _Line(self, caller, server)
            with self._lock:
                self._lines.add(line)
            line.start()


class _Line:
    """One connection: two threads, each of which carries one direction."""

    def __init__(self, proxy: Proxy, caller: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._caller, self._server = caller, server
        self._call = b""
        self._listens = False

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def hang_up(self) -> None:
        for end in (self._caller, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        asking = threading.Thread(target=self._carry, args=(self._ask,), daemon=True)
        asking.start()
        self._carry(self._answer)
        asking.join()
        self._proxy.forget(self)
        self._caller.close()
        self._server.close()

    def _carry(self, direction: Callable[[], None]) -> None:
        with suppress(OSError):
            direction()
        self.hang_up()

    def _ask(self) -> None:
        while data := self._caller.recv(_SIZE):
            # What follows the last answer is one call, whose beginning names the script.
            self._call = (self._call + data)[:_SIZE]
            self._listens = self._listens or b"SUBSCRIBE" in self._call
            self._server.sendall(data)

    def _answer(self) -> None:
        while data := self._server.recv(_SIZE):
            call, self._call = self._call, b""
            if self._proxy.called(call) and not data.startswith(b"-NOSCRIPT"):
                self._proxy.spent(call)
                return
            if not (self._listens and self._proxy.mute and b"message" in data):
                self._caller.sendall(data)


def _sha(script: str) -> bytes:
    """Return what EVALSHA calls a script."""
    return hashlib.sha1(source(script).encode(), usedforsecurity=False).hexdigest().encode()
