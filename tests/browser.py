"""A page in headless Chromium: what it asked for, and what it complained of."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

#: The headless shell opens a page in half the time that the whole browser takes.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
#: The browser that people have, for measuring.
WHOLE = shutil.which("chromium") or CHROMIUM
#: Name resolution is off: a page that asks for anything of the network cannot get it.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
READY = "#proof:not([hidden])"
#: Milliseconds until what does not come is a failure: a busy machine takes its time.
PATIENCE_MS = 120_000


@contextmanager
def chromium(path: str | None = CHROMIUM) -> Iterator[Browser]:
    """The browser; where there is none, a skip, or a failure where one was promised."""
    if path is None:
        assert not os.environ.get("PVTPROF_CHROMIUM"), "Chromium was promised and is not there"
        pytest.skip("no Chromium: apt-get install chromium-headless-shell")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, every address that it asked for beside its own, and every line of its console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, path: Path, anchor: str = "", **context: object) -> Iterator[Opened]:
    """The page of a file in a fresh profile; ``context`` as playwright takes it."""
    profile = browser.new_context(**context)  # type: ignore[arg-type] # passed through as given
    profile.set_default_timeout(PATIENCE_MS)
    page = profile.new_page()
    found = Opened(page)
    own = path.as_uri()
    page.on(
        "request",
        lambda r: (
            None if r.url.startswith((own, "data:", "blob:")) else found.requests.append(r.url)
        ),
    )
    page.on("console", lambda message: found.console.append(message.text))
    page.on("pageerror", lambda error: found.console.append(str(error)))
    page.goto(own + anchor)
    yield found
    profile.close()


def said_in_the_address(page: Page, what: str) -> str:
    """The address when it says that; it follows the fields a moment later."""
    page.wait_for_function("what => location.hash.includes(what)", arg=what)
    return str(page.evaluate("location.href"))


def node(script: str, *arguments: str) -> str:
    """What a script prints under node: the system's, or the one that playwright brings."""
    from playwright._impl._driver import compute_driver_executable

    program = shutil.which("node") or compute_driver_executable()[0]
    done = subprocess.run([program, "-e", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
