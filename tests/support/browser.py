"""A headless Chromium, as a person's browser."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from selenium import webdriver
from support.patience import deadline
from support.processes import missing


@contextlib.contextmanager
def browser() -> Iterator[webdriver.Chrome]:
    """A browser while the block runs. It is Debian's: Selenium would fetch one of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing("no chromium or chromedriver on PATH: install Debian's chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        # It will not run as root with one, and a container may have little shared memory.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1400,1000",
    ):
        options.add_argument(argument)
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        window.set_page_load_timeout(deadline(30))
        yield window
    finally:
        window.quit()
