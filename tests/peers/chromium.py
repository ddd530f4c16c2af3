"""A headless Chromium with one page, told what to do over a pipe (the Chrome DevTools Protocol)."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.peers.daemons import PATIENCE, find

# Chromium reads commands from file 3 and writes answers to file 4; a pipe's two ends are our stdin and stdout.
_WITH_PIPES = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'
_FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"),
    # Nothing but what the test asks for is to be asked of anybody.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server"),
)
_COMPLAINTS = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}


@dataclass
class Browser:
    """The browser and its page. Every method returns when the browser has done it."""

    process: subprocess.Popen[bytes]
    complaints: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _unread: bytes = b""
    _session: str | None = None
    _loaded: bool = False

    def attach(self) -> None:
        """Make the page, and listen to what it complains of."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to a URL and wait until it is loaded."""
        self._loaded = False
        self._call("Page.navigate", url=url)
        self.wait_for_page()

    def wait_for_page(self) -> None:
        """Wait until a page is loaded that a click or a key led to."""
        while not self._loaded:
            self._take(self._read())
        self._loaded = False

    def show(self, width: int, height: int, *, dark: bool = False) -> None:
        """Be a screen of this size that prefers light or dark pages; a narrow one is a phone's."""
        phone = width < height
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def run_scripts(self, *, allowed: bool) -> None:
        """Let the scripts of pages run, or none."""
        self._call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def ask(self, expression: str) -> Any:  # noqa: ANN401 - whatever JSON the expression comes to
        """Evaluate JavaScript in the page, wait for its promise if it is one, and return what it comes to."""
        told = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true in the page."""
        deadline = time.monotonic() + PATIENCE
        while not self.ask(f"Boolean({expression})"):
            if time.monotonic() > deadline:
                pytest.fail(f"this does not come true in the browser: {expression}")
            time.sleep(0.05)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that are not hidden; they may be out of sight."""
        found: list[str] = self.ask(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".filter((e) => e.checkVisibility()).map((e) => e.textContent.replace(/\\s+/g, ' ').trim())"
        )
        return found

    def click(self, selector: str) -> None:
        """Click on the middle of the first such element, as a mouse does."""
        middle = (
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
            "return [r.x + r.width / 2, r.y + r.height / 2];"
        )
        x, y = self.ask(f"((e) => {{ {middle} }})(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key: a character, or Tab, Enter or Escape."""
        text = {"Enter": "\r", "Tab": "", "Escape": ""}.get(key, key)
        code = {"Enter": 13, "Tab": 9, "Escape": 27}.get(key, 0)
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self._call("Input.insertText", text=text)

    def take_complaints(self) -> list[str]:
        """Return what the console has shown since the last time: errors, and what the content policy forbade."""
        self.ask("0")
        taken, self.complaints = self.complaints, []
        return taken

    def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        if self._session:
            command["sessionId"] = self._session
        assert self.process.stdin
        self.process.stdin.write(json.dumps(command).encode() + b"\0")
        self.process.stdin.flush()
        while True:
            message = self._read()
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method", "")
        self._loaded = self._loaded or method == "Page.loadEventFired"
        if method in _COMPLAINTS:
            self.complaints.append(json.dumps(message["params"]))

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        while b"\0" not in self._unread:
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                pytest.fail("the browser says nothing any more")
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more:
                pytest.fail("the browser has ended")
            self._unread += more
        text, self._unread = self._unread.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser that keeps everything in a folder, while the block lasts."""
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []  # which Chromium refuses to make for root
    command = [find("chromium"), *_FLAGS, *sandbox, f"--user-data-dir={folder}", "about:blank"]
    with (
        (folder / "chromium.log").open("wb") as log,
        subprocess.Popen(
            ["/bin/sh", "-c", _WITH_PIPES, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            # A session of its own is a process group of its own: its children end with it, and nobody else.
            start_new_session=True,
        ) as process,
    ):
        try:
            browser = Browser(process)
            browser.attach()
            yield browser
        finally:
            os.killpg(process.pid, signal.SIGKILL)
