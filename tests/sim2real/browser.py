"""A real headless Chromium, driven over its DevTools protocol with the websocket client that is installed anyway."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from urllib.request import urlopen

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
KEYS = {" ": ("Space", 32), "Enter": ("Enter", 13), "Escape": ("Escape", 27)}


def find() -> str | None:
    """Chromium's path, if it is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page. Use as a context manager."""

    def __init__(self, url: str, width: int = 1280, height: int = 800, mobile: bool = False):
        self._folder = tempfile.mkdtemp(prefix="chromium_")
        flags = ["--headless=new", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={self._folder}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        program = find()
        assert program
        self._process = subprocess.Popen([program, *flags, "about:blank"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert self._process.stderr
        port = next(found[1] for line in self._process.stderr if (found := re.search(r"ws://127.0.0.1:(\d+)/", line)))
        pages = json.load(urlopen(f"http://127.0.0.1:{port}/json"))
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(connect(next(p["webSocketDebuggerUrl"] for p in pages if p["type"] == "page"), max_size=None))
        self._ids = count(1)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState==='complete' && typeof poll==='function'")

    def ask(self, method: str, **params):
        """One DevTools request; what it answers."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=20))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, expression: str):
        """The value of a JavaScript expression."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, expression: str, timeout_s: float = 15):
        """Until the expression is true."""
        end = time.monotonic() + timeout_s
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"never true: {expression}; the page shows: {self.evaluate('document.body.innerText')}"
            time.sleep(0.03)

    def key_down(self, key: str):
        code, number = KEYS.get(key, (f"Digit{key}" if key.isdigit() else f"Key{key.upper()}", ord(key[0].upper())))
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, windowsVirtualKeyCode=number)

    def key_up(self, key: str):
        code, number = KEYS.get(key, (f"Key{key.upper()}", ord(key[0].upper())))
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=code, windowsVirtualKeyCode=number)

    def key(self, key: str):
        """Press and release."""
        self.key_down(key)
        self.key_up(key)

    def touch(self, selector: str):
        """Put the pointer down in the middle of an element and leave it there."""
        box = f"(b=>[b.x+b.width/2,b.y+b.height/2])(document.querySelector('{selector}').getBoundingClientRect())"
        x, y = self.evaluate(box)
        self.ask("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)

    def screenshot(self, path: Path):
        """A picture of what is seen."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stderr
        self._process.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)
