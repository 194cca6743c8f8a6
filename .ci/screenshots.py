"""Real pictures of what a person sees, for docs/static/screens: a cluster is started, used, and looked at.

``make screenshots``. Terminals are tmux's, of 80 columns; a browser draws what they show. It needs tmux, chromium,
chromium-driver and prometheus. Look at each picture afterwards: it shows what there is, right or wrong.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from qiskit import QuantumCircuit
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
from selenium import webdriver
from selenium.webdriver.common.by import By

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from support.browser import browser  # noqa: E402
from support.processes import end  # noqa: E402
from support.secured import free_port  # noqa: E402

from jobs import BasicAerProvider  # noqa: E402

SCREENS = ROOT / "docs" / "static" / "screens"
BIN = Path(sys.executable).parent
COLUMNS, LINES = 80, 24
THEME = TerminalTheme(
    (22, 25, 30),
    (216, 220, 226),
    [(40, 44, 52), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221),
     (86, 182, 194), (216, 220, 226)],
    [(92, 99, 112), (240, 130, 138), (170, 215, 140), (240, 210, 140), (120, 190, 250), (215, 140, 235),
     (110, 205, 215), (255, 255, 255)],
)  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #16191e; display: inline-block; }
pre { margin: 12px 14px; font: 15px/1.25 "DejaVu Sans Mono", monospace; color: #d8dce2; }
</style><pre>{code}</pre>"""


def wide(name: str, qubits: int, layers: int) -> QuantumCircuit:
    """Make a circuit that takes a while."""
    circuit = QuantumCircuit(qubits, name=name)
    for layer in range(layers):
        circuit.rx(0.1 + 0.01 * layer, range(qubits))
        circuit.rzz(0.2, range(qubits - 1), range(1, qubits))
    circuit.measure_all()
    return circuit


def failing() -> QuantumCircuit:
    """Make a circuit that divides by zero."""
    from support.circuits import dividing_by_zero

    circuit = dividing_by_zero()
    circuit.name = "adaptive_phase"
    return circuit


class Cluster:
    """A Redis, two workers, Flower, metrics and Prometheus, with jobs of two owners in all states."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.port, self.flower, self.metrics, self.prometheus = (free_port() for _ in range(4))
        self.password = secrets.token_hex(8)
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("BASICAER_", "TMUX"))
        } | {
            "BASICAER_URL": self.url,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "BASICAER_OWNER": "ann",
            "LANG": "C.UTF-8",
        }
        options = f"--bind 127.0.0.1 --port {self.port} --dir {folder} --appendonly yes --maxmemory 2gb"
        self.start(
            "basicaer",
            "redis",
            *options.split(),
            "--maxmemory-policy",
            "noeviction",
            "--requirepass",
            self.password,
        )
        wait_until(lambda: self.said("ping") == "PONG")
        for name in ("alpha", "beta"):
            self.start("basicaer", "worker", "--concurrency", "1", "-n", f"{name}@lab", BASICAER_THREADS="1")
        self.start("basicaer", "flower", f"--port={self.flower}", FLOWER_BASIC_AUTH="ann:a-picture")
        self.start("basicaer", "metrics", "--port", str(self.metrics))
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 2s, evaluation_interval: 2s}\n"
            f"rule_files: [{ROOT / 'deploy/monitoring/alerts.yml'}]\n"
            "scrape_configs:\n  - job_name: basicaer\n"
            f"    static_configs: [{{targets: ['127.0.0.1:{self.metrics}']}}]\n"
        )
        self.start(
            "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
        )  # fmt: skip
        self.providers = {}
        for owner in ("ann", "bob"):
            os.environ |= {"BASICAER_OWNER": owner}
            self.providers[owner] = BasicAerProvider(self.url)
            stack.callback(self.providers[owner].close)
        wait_until(lambda: answers(f"http://127.0.0.1:{self.flower}/healthcheck"))
        wait_until(lambda: len(self.providers["ann"].workers()) == 2)  # noqa: PLR2004 (both)

    def start(self, program: str, *arguments: str, **more: str) -> None:
        """Start a process; it ends with all."""
        found = shutil.which(program, path=self.environ["PATH"]) or sys.exit(f"no {program} on PATH")
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [found, *arguments], cwd=self.folder, env=self.environ | more, stdout=log, stderr=log
            )
        self.stack.callback(end, process, 15)

    def said(self, *words: str) -> str:
        """Return what Redis answers."""
        command = ["redis-cli", "-p", str(self.port), *words]
        environ = self.environ | {"REDISCLI_AUTH": self.password}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False).stdout.strip()

    def use(self) -> dict[str, str]:
        """Run jobs; returns the ids of some by what became of them."""
        ann, bob = (each.get_backend() for each in self.providers.values())
        for backend, name, shots in ((ann, "ghz_20", 4096), (bob, "qft_12", 1024), (ann, "grover_5", 2000)):
            done = backend.run(wide(name, int(name.split("_")[1]), 2), shots=shots)
            done.result(timeout=60)
        failed = bob.run(failing())
        failed.wait_for_final_state(timeout=60)
        cancelled = ann.run(wide("trotter_20", 20, 400))
        wait_until(cancelled.running)
        cancelled.cancel()
        running = [ann.run(wide("ising_21", 21, 1200), shots=100_000), bob.run(wide("vqe_ansatz_20", 20, 1600))]
        bob.run(wide("qaoa_20", 20, 600), shots=500)
        queued = ann.run([wide(f"sweep_{i}", 18, 200) for i in range(3)])
        wait_until(lambda: all(job.running() for job in running))
        wait_until(lambda: running[0].progress().fraction > 0.02)  # noqa: PLR2004 (something to see)
        return {
            "running": running[0].job_id(), "failed": failed.job_id(), "cancelled": cancelled.job_id(),
            "queued": queued.job_id(), "done": done.job_id(),
        }  # fmt: skip


def wait_until(probe: Callable[[], object], seconds: float = 150) -> None:
    """Return when it is true; an error after so many seconds."""
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise SystemExit(f"{probe} did not come about")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 (our own)
    except OSError:
        return False
    return True


class Terminal:
    """A terminal of tmux's, and a browser that draws it."""

    def __init__(self, cluster: Cluster, window: webdriver.Chrome) -> None:
        self.cluster, self.window = cluster, window
        self.socket = f"screens-{os.getpid()}"
        (cluster.folder / "bashrc").write_text("PS1='$ '\n")
        shell = f"bash --noprofile --rcfile {cluster.folder / 'bashrc'}"
        tmux = shutil.which("tmux") or sys.exit("no tmux on PATH")
        self.tmux = (tmux, "-u", "-L", self.socket, "-f", "/dev/null")
        subprocess.run(
            [*self.tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), shell],
            cwd=ROOT, env=cluster.environ, check=True,
        )  # fmt: skip
        cluster.stack.callback(subprocess.run, [*self.tmux, "kill-server"], check=False)

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names, or type a text."""
        subprocess.run([*self.tmux, "send-keys", *keys], check=True)

    def text(self) -> str:
        """Return what is on the screen, with its colours."""
        shown = subprocess.run(
            [*self.tmux, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True
        )
        return shown.stdout.rstrip("\n")

    def run(self, command: str, *, until: str | None = None) -> None:
        """Type a command, and wait for its end, or for a text on the screen."""
        self.keys("clear", "Enter")
        wait_until(lambda: Text.from_ansi(self.text()).plain.strip() == "$")
        self.keys("-l", command)
        self.keys("Enter")
        if until is None:
            wait_until(lambda: self._idle() and "\n" in self.text())
        else:
            wait_until(lambda: until in Text.from_ansi(self.text()).plain)

    def lines(self, number: int) -> None:
        """Make it so high."""
        subprocess.run([*self.tmux, "resize-window", "-x", str(COLUMNS), "-y", str(number)], check=True)

    def leave(self, key: str) -> None:
        """Press a key that ends a program, and wait for the prompt."""
        self.keys(key)
        wait_until(self._idle)

    def _idle(self) -> bool:
        return Text.from_ansi(self.text()).plain.strip().splitlines()[-1:] == ["$"]

    def picture(self, name: str) -> None:
        """Draw the screen into a file; where the clone lies is nobody's business."""
        shown = self.text().removesuffix("\n$").rstrip().removesuffix("$").rstrip()
        console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), legacy_windows=False)  # noqa: PTH123, SIM115
        # What is shown the other way round has no colours of its own to be turned.
        shown = shown.replace("\x1b[7m", "\x1b[30;47m").replace("\x1b[27m", "\x1b[39;49m")
        text = Text.from_ansi(shown.replace(str(ROOT), "~/basicaer"))
        console.print(text, soft_wrap=True)
        code = console.export_html(theme=THEME, inline_styles=True, code_format="{code}")
        page = self.cluster.folder / f"{name}.html"
        page.write_text(PAGE.replace("{code}", code))
        self.window.get(page.as_uri())
        self.window.find_element(By.TAG_NAME, "body").screenshot(str(SCREENS / f"{name}.png"))
        print(f"{name}.png", flush=True)


def of_page(window: webdriver.Chrome, url: str, name: str, *, ready: str, seconds: float = 1.5) -> None:
    """Draw a page into a file once it shows a text."""
    window.get(url)
    wait_until(lambda: ready in window.find_element(By.TAG_NAME, "body").text)
    time.sleep(seconds)
    window.save_screenshot(str(SCREENS / f"{name}.png"))
    print(f"{name}.png", flush=True)


@contextmanager
def started() -> Iterator[tuple[Cluster, webdriver.Chrome]]:
    """Give a cluster and a browser to this block."""
    with tempfile.TemporaryDirectory(prefix="screens-") as folder, ExitStack() as stack:
        cluster = Cluster(Path(folder), stack)
        yield cluster, stack.enter_context(browser())


def main() -> int:
    """Take all pictures."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    with started() as (cluster, window):
        ids = cluster.use()
        terminal = Terminal(cluster, window)
        terminal.run("basicaer watch", until="alpha@lab")
        time.sleep(3)
        terminal.picture("watch")
        terminal.leave("q")
        terminal.lines(60)
        terminal.run(f"basicaer watch {ids['done'][:8]}")
        terminal.picture("watch-job")
        terminal.lines(LINES)
        terminal.run(f"basicaer result {ids['running'][:8]}", until="%")
        time.sleep(1)
        terminal.picture("bar")
        terminal.leave("C-c")
        for name, command in (
            ("jobs", "basicaer jobs --all"),
            ("workers", "basicaer workers"),
            ("logs", f"basicaer logs {ids['failed'][:8]}; basicaer logs {ids['cancelled'][:8]}"),
            ("usage", "basicaer usage"),
            ("doctor", "basicaer doctor"),
        ):
            terminal.run(command)
            terminal.picture(name)
        of_page(window, f"http://ann:a-picture@127.0.0.1:{cluster.flower}/tasks", "flower-tasks", ready="ising_21")
        of_page(window, f"http://127.0.0.1:{cluster.flower}/task/{ids['running']}", "flower-job", ready="ising_21")
        shown = "unfinished_jobs|running_shards|waiting_jobs|jobs_ended_total"
        expression = quote(f'{{__name__=~"basicaer_({shown})"}}')
        graph = f"graph?g0.expr={expression}&g0.tab=0&g0.range_input=2m"
        site = f"http://127.0.0.1:{cluster.prometheus}/classic"
        of_page(window, f"{site}/{graph}", "prometheus", ready="unfinished", seconds=2)
        for owner in ("ann", "bob"):
            for job in cluster.providers[owner].jobs(limit=None, pending=True):
                job.cancel()
        plot = ROOT / "counts.png"
        terminal.run(f"basicaer run examples/teleportation.qasm --seed 7 --plot {plot.name}")
        wait_until(plot.exists)
        terminal.picture("run")
        shutil.move(plot, SCREENS / "plot.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
