"""What holds for the whole suite: how long a test may take, and that it leaves no process behind."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from itertools import groupby
from pathlib import Path

import pytest
import pytest_timeout
from support import leftovers
from support.examples import register_profiles
from support.patience import deadline

#: Seconds between the alarms of a test after its first, and how many times its limit it may take at the very most.
_AGAIN, _LAST = 30.0, 3
#: Tests that wait for leases and the like, most of the time.
_WAITING = Path(__file__).parent / "faults"
_stderr = pytest.StashKey[int]()


class TooLongError(BaseException):
    """A test took longer than it may: no Exception, so that it goes through whatever catches those."""


# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

register_profiles()


def pytest_addoption(parser):
    parser.addoption("--soak-minutes", type=float, default=0.5, help="how long the soak makes trouble")
    parser.addoption("--soak-seed", type=int, default=0, help="repeat the soak of this seed; 0: a new one")
    parser.addoption(
        "--long", action="store_true", help="also run what takes minutes, GiB, or what is done again with one node"
    )
    parser.addoption("--rule", type=int, help="only tests that hold this rule of the behaviour contract")
    parser.addoption("--ending", type=float, default=10.0, help="seconds in which what tests started must end")


def pytest_configure(config):
    config.addinivalue_line("markers", "rule(*numbers): rules of the behaviour contract that a test holds")
    config.addinivalue_line("markers", "slow: starts processes, or takes a second of a core and more")
    config.addinivalue_line(
        "markers", "long: takes minutes, GiB, or is done again with one node; runs with --long only"
    )
    # Before anything is captured.
    config.stash[_stderr] = os.dup(sys.__stderr__.fileno())
    leftovers.sign()
    if _leads(config):
        for line in leftovers.end(leftovers.of_runs_that_are_gone()):
            _say(config, f"ended what an earlier run had left behind: {line}")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="long: runs with --long")
        for item in items:
            if "long" in item.keywords:
                item.add_marker(skip)
    if (wanted := config.getoption("--rule")) is not None:
        kept = [item for item in items if any(wanted in mark.args for mark in item.iter_markers("rule"))]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    items[:] = _mixed(items)


def _mixed(items):
    """Return files of tests that mostly wait evenly among those that compute, so that all cores have work."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    kinds = [[tests for tests in files if (_WAITING in tests[0].path.parents) == waits] for waits in (False, True)]
    places = [((index + 0.5) / len(kind), tests) for kind in kinds for index, tests in enumerate(kind)]
    return [item for _, tests in sorted(places, key=lambda place: place[0]) for item in tests]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """End what a process of pytest-xdist had started that broke off."""
    if _leads(session.config) and (
        named := leftovers.end(leftovers.of_this_run(session.config.getoption("--ending")))
    ):
        for line in named:
            _say(session.config, f"ended what was left behind: {line}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_behind(request):
    """After the last test of this process, all that they started has ended: what has not is ended, and named."""
    yield
    if named := leftovers.end(leftovers.of_this_process(request.config.getoption("--ending"))):
        pytest.fail("processes were left behind, and are ended now:\n" + "\n".join(named), pytrace=False)


@pytest.hookimpl
def pytest_timeout_set_timer(item, settings):
    """Give a test as long as it may take here and now.

    By alarm, not by pytest-timeout's thread: that ends the process, and all the fixtures in it before they have
    ended what they hold. But pytest-timeout's own alarm is a failure, and Hypothesis runs an example that failed
    again. Where no alarm gets through, as in a call that never comes back to Python, the process ends after all.
    """
    limit = deadline(settings.timeout)
    settings = settings._replace(timeout=limit)

    def ring(*_):
        try:
            pytest_timeout.timeout_sigalrm(item, settings)
        except pytest.fail.Exception as failure:
            raise TooLongError(str(failure)) from None

    pytest_timeout.pytest_timeout_set_timer(item, settings)
    signal.signal(signal.SIGALRM, ring)
    # Whoever swallows it meets it again.
    signal.setitimer(signal.ITIMER_REAL, limit, deadline(_AGAIN))
    faulthandler.dump_traceback_later(_LAST * limit, exit=True, file=item.config.stash[_stderr])
    return True


@pytest.hookimpl
def pytest_timeout_cancel_timer(item):
    """Take back what was set beside pytest-timeout's own alarm."""
    faulthandler.cancel_dump_traceback_later()


def _leads(config) -> bool:
    """Whether this process is no worker of pytest-xdist's."""
    return not hasattr(config, "workerinput")


def _say(config, text: str) -> None:
    os.write(config.stash[_stderr], f"{text}\n".encode())
