"""Templates are rendered within limits on time and memory; a row that exceeds them affects no other row."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest
from conftest import wait_until

from artistjobs.core.prompt import Prompt
from artistjobs.errors import PromptError, RunStoppedError
from artistjobs.rendering import process, renderer
from artistjobs.rendering.process import RenderProcess
from artistjobs.rendering.renderer import Renderer, is_immediate

ORDINARY = "{% for part in artist_name.split() %}<{{ part }}>{% endfor %}"
ENDLESS = "{% for a in x %}" * 9 + "{% endfor %}" * 9

SLOW = {
    "loops": "{% set x = 'x' * 1000 %}" + ENDLESS,
    "loops with output": "{% set x = 'x' * 1000 %}" + ENDLESS.replace("{% endfor", "{{ '' }}{% endfor", 1),
    "a macro that calls itself": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(99) }}"
    ),
    "a recursive loop": "{% for a in 'x' * 99 recursive %}{{ loop('x' * 99) if loop.depth < 9 }}{% endfor %}",
    "nested lists": "{% set a0 = ['x'] %}"
    + "".join(f"{{% set a{n + 1} = [a{n}] * 9 %}}" for n in range(40))
    + "{{ a40|length }}{% if a40|string %}{% endif %}",
    "nested maps": "{% set x = ['x'] * 3000 %}{{ x|map('replace', 'x', 'y' * 9000000)|map('length')|sum }}",
    "one long step": "{{ 1|round(9000000, 'ceil') }}",
}


@pytest.fixture
def renders():
    render_process = RenderProcess(cpu_seconds=0.3)
    yield render_process.render
    render_process.close()


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_a_template_that_takes_too_long_fails_for_its_row_and_the_next_row_is_rendered(renders, text):
    with pytest.raises(PromptError, match=r"this row: it (takes more than 0.3 s of CPU time|needs too much memory)$"):
        renders(text, "Nina Simone", "")

    assert renders(ORDINARY, "Nina Simone", "") == "<Nina><Simone>"


@pytest.mark.skipif(sys.platform == "darwin", reason="this system does not limit the memory of a process")
def test_a_template_that_needs_too_much_memory_fails_for_its_row_and_the_next_row_is_rendered(monkeypatch, renders):
    monkeypatch.setattr(renders.__self__, "_cpu_seconds", 60)
    text = "{% set x = ['x'] * 9000 %}{{ x|map('center', 9000000)|list|length }}"

    with pytest.raises(PromptError, match=r"this row: it needs too much memory$"):
        renders(text, "Nina Simone", "")

    assert renders(ORDINARY, "Nina Simone", "") == "<Nina><Simone>"


def test_the_time_counts_for_each_row_alone(renders):
    text = "{% for a in artist_data %}{% for b in artist_data %}{% endfor %}{% endfor %}."

    assert {renders(text, "Nina Simone", "x" * 1000) for _ in range(20)} == {"."}


@pytest.mark.parametrize(
    "row",
    [("Nina Simone", "pianist"), ("Björk \u2028 \x01", "a\r\nb\n"), ("x", "y" * 2**20), ('"', "\\"), ("\ud800", "")],
)
def test_a_row_passes_through_the_process_unchanged(renders, row):
    text = "{% for x in [artist_name] %}{{ x }}{% endfor %}|{{ artist_data }}"

    assert renders(text, *row) == "|".join(row).replace("\ud800", "\N{REPLACEMENT CHARACTER}")


def test_an_error_of_a_template_is_reported(renders):
    with pytest.raises(PromptError, match=r"cannot be filled in for this row: division by zero$"):
        renders("{{ 1 / (artist_name|length - 4) }}", "Nina", "")


def children() -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text().split()
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the process in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_was_killed_is_replaced_and_fails_no_row(renders, number):
    before = set(children())
    renders(ORDINARY, "Nina Simone", "")
    (pid,) = set(children()) - before

    os.kill(pid, number)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")

    assert renders(ORDINARY, "Nina Simone", "") == "<Nina><Simone>"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_of_the_terminal_does_not_end_the_process(renders, monkeypatch, number):
    started = []
    real = process._started
    monkeypatch.setattr(process, "_started", lambda seconds: started.append(real(seconds)) or started[-1])
    renders(ORDINARY, "Nina Simone", "")

    os.kill(started[0].pid, number)

    assert renders(ORDINARY, "Nina Simone", "") == "<Nina><Simone>"
    assert len(started) == 1


def test_a_process_that_dies_with_a_row_each_time_fails_that_row(monkeypatch):
    code = "import os, sys; print('ready', flush=True); sys.stdin.readline(); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(process, "_COMMAND", (*process._COMMAND[:2], "-c", code))
    render_process = RenderProcess()

    with pytest.raises(PromptError, match=r"ends the process that renders it \(signal 9\)"):
        render_process.render(ORDINARY, "Nina Simone", "")


@pytest.mark.parametrize("command", [("/nowhere/python",), (process._COMMAND[0], "-c", "1 / 0")])
def test_a_process_that_cannot_start_is_no_fault_of_the_row(monkeypatch, command):
    monkeypatch.setattr(process, "_COMMAND", command)

    with pytest.raises(RunStoppedError, match=r"cannot be started.*run the same command again"):
        RenderProcess().render(ORDINARY, "Nina Simone", "")


def test_closing_ends_a_rendering_that_is_under_way():
    render_process = RenderProcess(cpu_seconds=100)
    errors = []

    def render():
        try:
            render_process.render(SLOW["loops"], "Nina Simone", "")
        except RunStoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=render)
    thread.start()
    wait_until(lambda: render_process._process is not None)
    render_process.close()
    thread.join(20)

    assert not thread.is_alive()
    assert len(errors) == 1


QUICK = [
    "{{ artist_name }}: {{ artist_data }}",
    "{{artist_name|upper}}{% if artist_data %}, {{ artist_data|trim }}{% else %}.{% endif %}",
    "{{ artist_data|default('nothing', true) }}{{ artist_name ~ '!' }}",
    "{% if artist_name == 'Prince' and artist_data is defined %}x{% endif %}{# no text #}{% raw %}{{ x }}{% endraw %}",
]
NOT_QUICK = [
    ORDINARY, "{{ artist_name.upper() }}", "{% set x = 1 %}", "{{ artist_name * 3 }}", "{{ artist_name|urlize }}",
    "{% macro m() %}{% endmacro %}", "{{ artist_name }}" * 120, "{{ artist_name[0] }}",
    "{{ artist_name|map('upper') }}",
]  # fmt: skip


@pytest.mark.parametrize(("texts", "is_quick"), [(QUICK, True), (NOT_QUICK, False)])
def test_only_a_template_whose_time_is_bounded_by_the_row_is_rendered_in_this_process(monkeypatch, texts, is_quick):
    monkeypatch.setattr(renderer.RenderProcess, "render", lambda *_: "elsewhere")

    for text in texts:
        with Renderer() as here:
            rendered = here.compile(text)("Nina", "pianist")

        assert (rendered != "elsewhere") is is_quick, text
        assert is_immediate(Prompt(model="m", template=text), "Nina", "pianist") is is_quick


def test_a_very_long_row_is_rendered_in_the_child_and_a_stored_prompt_needs_no_rendering():
    assert not is_immediate(Prompt(model="m", template="{{ artist_data }}"), "Nina", "x" * 200_000)
    assert is_immediate(Prompt(model="m", prompt_id="pmpt_1"), "Nina", "x" * 200_000)
