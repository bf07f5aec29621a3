"""A headless Chromium that is told what to do over a pipe, by its DevTools protocol.

What a page writes to its console, what its scripts throw and what its policy forbids is kept in
``faults``.
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.serving import wait_for

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """A tab.

    Attributes:
        faults: What went wrong in it so far.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.faults = list[str]()
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol, and return its result."""
        return self._browser.tell(method, self._session, **parameters)

    def open(self, address: str, *, scheme: str = "light", width: int = 800) -> None:
        """Go to ``address``, in a window of so many pixels that is light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.tell("Emulation.setEmulatedMedia", features=[feature])
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=760,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.tell("Page.navigate", url=address)
        self.wait(f"document.readyState === 'complete' && location.href === '{address}'")

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        told = self.tell("Runtime.evaluate", expression=expression, returnByValue=True,
                         awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until JavaScript is true."""
        wait_for(lambda: self.value(expression))

    def choose(self, selector: str, file: Path) -> None:
        """Choose ``file`` in a field for files, as a person does in the dialog."""
        root = self.tell("DOM.getDocument")["root"]["nodeId"]
        node = self.tell("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.tell("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def drag(self, selector: str, file: Path) -> None:
        """Drag ``file`` from the desktop to an element, and let it go there."""
        box = f"document.querySelector('{selector}').getBoundingClientRect()"
        place = self.value(f"(box => [box.x + box.width / 2, box.y + 10])({box})")
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tell("Input.dispatchDragEvent", type=kind, x=place[0], y=place[1], data=data)

    def press(self, key: str) -> None:
        """Press a key."""
        code = {"Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode=code)  # fmt: skip

    def photograph(self, file: Path) -> None:
        """Save what is seen as PNG."""
        file.write_bytes(base64.b64decode(self.tell("Page.captureScreenshot")["data"]))

    def hear(self, method: str, told: dict[str, Any]) -> None:
        """Keep what is wrong among what the browser tells unasked."""
        if method == "Runtime.exceptionThrown":
            self.faults.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.faults.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("warning", "error"):
            self.faults.append(told["entry"]["text"])


class Browser:
    """A browser that runs."""

    def __init__(self, reading: int, writing: int) -> None:
        self._answers, self._commands = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
        self._numbers, self._rest = itertools.count(1), b""
        self._pages = dict[str, Page]()

    def page(self) -> Page:
        """Open a tab."""
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        found = self.tell("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, found["sessionId"])
        self._pages[found["sessionId"]] = page
        return page

    def tell(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": parameters}
        command |= {} if session is None else {"sessionId": session}
        self._commands.write(json.dumps(command).encode() + b"\0")
        self._commands.flush()
        while (told := self._next()).get("id") != number:
            page = self._pages.get(told.get("sessionId", ""))
            if page is not None and "method" in told:
                page.hear(told["method"], told["params"])
        assert "error" not in told, (method, told["error"])
        result: dict[str, Any] = told["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = self._answers.read1(1 << 16)
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(text)
        return told

    def close(self) -> None:
        """Close its pipes."""
        self._answers.close()
        self._commands.close()


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Run a browser whose profile is in ``folder``."""
    assert PROGRAM is not None
    pairs = [os.pipe(), os.pipe()]
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (pairs[0][0], pairs[1][1])]
    ours = (pairs[1][0], pairs[0][1])

    def place() -> None:  # where it looks for them
        for number, end in zip((3, 4), theirs, strict=True):
            os.dup2(end, number)

    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            preexec_fn=place, pass_fds=(3, 4), stdout=log, stderr=log,
        )  # fmt: skip
    for end in (pairs[0][0], pairs[1][1], *theirs):
        os.close(end)
    browser = Browser(*ours)
    try:
        yield browser
        browser.tell("Browser.close")
    finally:
        browser.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
