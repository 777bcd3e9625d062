"""The pictures in the README can be drawn again from the output of real commands."""

import importlib.util
import re
import sys
from xml.etree import ElementTree as ET

import pytest
from paths import ROOT


@pytest.fixture(scope="module")
def pictures():
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["pictures"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["pictures"]


def texts_of(svg: str) -> list[str]:
    nodes = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(node.itertext()).replace("\xa0", " ") for node in nodes]


def test_a_picture_shows_the_screen_with_its_colours(pictures, folder):
    (folder / "says.py").write_text(
        "import time; from pathlib import Path\n"
        "print('\\x1b[32mdone 草間彌生\\x1b[0m and \\x1b[2mfaint\\x1b[0m')\n"
        "print('45 %', flush=True)\n"
        "while not Path('seen').exists(): time.sleep(0.01)\n"
        "print('\\x1b[2J after')\n"
    )

    def moment(shown: str) -> bool:
        if "45 %" in shown:
            (folder / "seen").touch()
        return "45 %" in shown

    screen = pictures.play(["says"], folder, moment)
    svg = pictures.svg(screen, "artistjobs run artists.csv")

    texts = texts_of(svg)
    assert {"artistjobs", "artistjobs run artists.csv", "done 草間彌生", "faint", "45 %"} <= set(texts)
    assert "after" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
    assert len(set(re.findall(r"fill: (#\w+)", svg))) >= 3


def test_the_commands_of_the_pictures_are_rehearsed_and_their_pictures_are_in_the_readme(pictures):
    readme = (ROOT / "README.md").read_text("utf-8")

    for picture in pictures.PICTURES:
        assert "rehears" in picture.command or "--scenario" in picture.command
        assert f"](docs/{picture.file.name})" in readme
        ET.parse(picture.file)
