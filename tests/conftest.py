"""Options of the whole suite."""

from __future__ import annotations


def pytest_addoption(parser):
    parser.addoption("--soak-minutes", type=float, default=0.75, help="how long the soak makes trouble")
    parser.addoption("--soak-seed", type=int, default=0, help="repeat the soak of this seed; 0: a new one")
