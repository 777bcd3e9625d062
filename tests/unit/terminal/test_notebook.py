"""The live block in the output of a notebook cell."""

import sys
from types import SimpleNamespace

import pytest

from artistjobs.terminal.notebook import notebook_block


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """A process that is the kernel of a notebook; the list has the current HTML of each output."""
    outputs: list[str] = []

    def display(html: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        number = len(outputs)
        outputs.append(html)
        return SimpleNamespace(update=lambda html: outputs.__setitem__(number, html))

    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    return outputs


def test_lines_are_replaced_in_one_output_with_their_colours_and_no_markup_of_their_own(shown):
    block = notebook_block()

    block.update(["first"])
    block.update(["\x1b[32mdone 3\x1b[0m", "<b>Tyler</b> & [red]Co[/red]"])

    (html,) = shown
    assert "done 3</span>" in html
    assert "&lt;b&gt;Tyler&lt;/b&gt; &amp; [red]Co[/red]" in html
    assert "first" not in html


def test_a_finished_block_stays_and_the_next_one_has_an_output_of_its_own(shown):
    block = notebook_block()

    block.update(["one"])
    block.finish()
    block.clear()
    block.update(["two"])
    block.clear()

    assert "one" in shown[0]
    assert shown[1] == ""


def test_a_process_without_a_kernel_has_no_such_block(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert notebook_block() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert notebook_block() is None
