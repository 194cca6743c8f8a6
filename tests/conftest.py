"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser):
    parser.addoption("--soak-minutes", type=float, default=0.75, help="how long the soak makes trouble")
    parser.addoption("--soak-seed", type=int, default=0, help="repeat the soak of this seed; 0: a new one")
    parser.addoption("--long", action="store_true", help="also run what takes minutes and many GiB")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes and many GiB; runs with --long only")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        skip = pytest.mark.skip(reason="long: runs with --long")
        for item in items:
            if "long" in item.keywords:
                item.add_marker(skip)
