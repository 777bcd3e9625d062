"""Make the screenshots in docs/: a rehearsal in a real browser.

Run it in a checkout with the extras ``browse`` and ``test`` and with Chromium: ``python docs/browser_pictures.py``
"""

import asyncio
import base64
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "support"))

from devtools import browser_tab  # noqa: E402 - it is found only now

PROGRAM = [sys.executable, "-m", "artistjobs"]
WIDTH = 1060


def rehearse(folder: Path) -> None:
    """Rehearse some artists in the scenario `busy`, in three runs."""
    rows = (f"Artist {number},painter number {number}\n" for number in range(1, 5001))
    (folder / "artists.csv").write_text("artist_name,artist_data\n" + "".join(rows), "utf-8")
    prompt = Path(folder / "prompt.txt")
    prompt.write_text("Write two sentences about {{ artist_name }}. What we know: {{ artist_data }}\n", "utf-8")
    for limit in ("2600", "1500", "900"):
        options = ["--scenario", "storm", "--max-workers", "16", "--timeout", "3", "--limit", limit]
        command = [*PROGRAM, "-q", "run", "artists.csv", "--prompt-file", "prompt.txt", *options]
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


async def picture(address: str, ready: str, name: str, folder: Path, height: int) -> None:
    """Take a screenshot of a page once it is ready."""
    async with browser_tab(folder) as tab:
        await tab.call("Emulation.setScrollbarsHidden", hidden=True)
        await tab.open(address, WIDTH, height)
        await tab.until(ready)
        await asyncio.sleep(0.5)  # the bars are animated
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
        found = await tab.call("Page.captureScreenshot", format="png", clip=clip)
        (DOCS / name).write_bytes(base64.b64decode(found["data"]))


def main() -> None:
    """Make all screenshots."""
    os.environ.pop("OPENAI_API_KEY", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rehearse(folder)
        command = [*PROGRAM, "--db", "rehearsal.db"]
        subprocess.run([*command, "-q", "report"], cwd=folder, check=True)
        asyncio.run(picture((folder / "report.html").as_uri(), "true", "report.png", folder, 1130))
        browse = subprocess.Popen([*command, "browse", "--no-open"], cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            assert browse.stderr is not None
            ((address, token),) = re.findall(r"(http://\S+/)(\?token=\S+)", browse.stderr.readline())
            drawn = "document.querySelectorAll('.chart-wrapper > svg').length === 3"
            asyncio.run(picture(f"{address}-/dashboards/artistjobs{token}", drawn, "browse.png", folder, 930))
        finally:
            browse.send_signal(signal.SIGINT)
            browse.communicate()


if __name__ == "__main__":
    main()
