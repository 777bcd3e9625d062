"""A headless Chromium, controlled by its DevTools protocol: its console, its requests and its pages can be read."""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_ARGUMENTS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check",
    "--remote-debugging-port=0",
]  # fmt: skip


class Tab:
    """One page of a browser. ``said`` collects console messages and violations, ``asked`` the requested addresses."""

    def __init__(self, socket) -> None:
        self._socket = socket
        self._number = 0
        self.said: list[str] = []
        self.asked: list[str] = []

    async def call(self, method: str, **parameters):
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive(timeout=30)).data)
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    async def open(self, address: str, width: int = 1200, height: int = 900) -> None:
        """Load a page and wait until it is complete."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        await self.call("Page.navigate", url=address)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def eval(self, expression: str):
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a condition holds; fail if it does not in time."""
        deadline = time.monotonic() + 30
        while not await self.eval(condition):
            assert time.monotonic() < deadline, f"waited in vain for {condition}"
            await asyncio.sleep(0.05)

    def _note(self, message) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.said.append(str([argument.get("value") for argument in parameters["args"]]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.said.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])


@contextlib.asynccontextmanager
async def browser_tab(folder: Path):
    """Start a browser with a new profile, yield its first tab, and end it."""
    import aiohttp

    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else waits meanwhile
        [CHROMIUM, *_ARGUMENTS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await asyncio.to_thread(_port, process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                (first, *_) = [target for target in await reply.json() if target["type"] == "page"]
            async with session.ws_connect(first["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Runtime", "Log", "Network", "Page"):
                    await tab.call(f"{domain}.enable")
                yield tab
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _port(process) -> str:
    for line in process.stderr:
        if found := re.search(rb"ws://127\.0\.0\.1:(\d+)", line):
            return found[1].decode()
    raise AssertionError("Chromium did not start")
