"""For tests of noise models: Aer's own words about them are not ours."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _quiet_aer(caplog):
    caplog.set_level(logging.CRITICAL, "qiskit_aer")
