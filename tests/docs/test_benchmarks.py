"""The benchmarks run with small numbers, and their arithmetic is right; no test asserts a speed."""

import asyncio
import json
import re
import xml.etree.ElementTree as ET

import pytest
from paths import ROOT


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_a_figure_meets_its_target_by_its_median():
    from benchmarks.measure import Figure, at_least, at_most

    assert Figure("a", "b", at_most(1.0), [0.5, 0.9, 7.0]).is_reached
    assert not Figure("a", "b", at_most(1.0), [0.5, 1.1, 1.2]).is_reached
    assert Figure("a", "b", at_least(2.0), [1.0, 2.0, 3.0]).is_reached
    assert not Figure("a", "b", at_least(2.0), [1.0, 1.9, 3.0]).is_reached


def test_contenders_run_in_turn_and_are_compared_within_a_round():
    from benchmarks.measure import alternate, ratios

    order = []

    def contender(name, values):
        left = iter(values)
        return lambda: order.append(name) or next(left)

    found = alternate(3, contender("a", [1.0, 2.0, 3.0]), contender("b", [2.0, 8.0, 3.0]))

    assert order == ["a", "b", "b", "a", "a", "b"]
    assert ratios(found) == [0.5, 0.25, 1.0]


def test_calls_that_fill_half_of_the_slots_are_half_busy():
    from benchmarks.server import LatestFailure

    seen = LatestFailure()
    for call in range(101):
        seen.add(100.0 + call * 0.4, 0.2)

    assert seen.busy(0.0)["in_flight"] == pytest.approx(0.5)
    assert seen.busy(20.0)["in_flight"] == pytest.approx(0.5)
    assert seen.busy(20.0)["answers_a_second"] == pytest.approx(2.5, rel=0.03)
    assert seen.busy(1000.0)["in_flight"] == 0.0


async def test_calls_beyond_the_capacity_of_the_server_share_it_or_are_refused():
    from benchmarks.capacity import SharedCapacity

    loop, ends = asyncio.get_running_loop(), []

    async def last_of(capacity, calls):
        begun, done = loop.time(), loop.create_future()
        left = [capacity.add(0.05, lambda: ends.append(loop.time() - begun)) for _ in range(calls)]
        capacity.add(0.051, lambda: done.set_result(None))
        await done
        return left

    shared = SharedCapacity(2)
    assert await last_of(shared, 3) == [True] * 3
    assert min(ends) >= 0.1  # four calls on a capacity of two take twice as long
    assert sum(shared.load.summary()["answers"]) == 4
    assert await last_of(SharedCapacity(3, refuses=True), 2) == [True] * 2
    refusing = SharedCapacity(1, refuses=True)
    assert [refusing.add(0.05, lambda: None) for _ in range(2)] == [True, False]
    assert sum(refusing.load.summary()["refused"]) == 1


def test_the_replies_of_the_server_are_answers_with_ids_of_their_own():
    from artistjobs.api.classify import classify
    from artistjobs.api.reply import Reply
    from benchmarks.server import CHAT, RESPOND

    ids = set()
    for number in (1, 2**60):
        head, _, body = RESPOND(number).partition(b"\r\n\r\n")
        assert int(head.rpartition(b": ")[2]) == len(body)
        classification = classify(Reply(status=200, body=body))
        assert classification.failure is None
        ids.add(classification.answer.response_id)
        head, _, body = CHAT(number).partition(b"\r\n\r\n")
        assert int(head.rpartition(b": ")[2]) == len(body)
        assert json.loads(body)["choices"][0]["message"]["content"]
    assert len(ids) == 2


async def test_the_server_takes_requests_in_pieces_and_counts_calls_alone():
    from benchmarks.server import Connection, LatestFailure

    seen = LatestFailure()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(seen, lambda: 0.0), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for piece in (
            b"GET /v1/models/gpt-5 HTTP/1.1\r\n\r\nPOST /v1/resp",
            b"onses HTTP/1.1\r\nContent-Length: 4\r\n\r\nab",
            b"cd",
        ):
            writer.write(piece)
            await writer.drain()
        replies = [await read_reply(reader) for _ in range(2)]
        writer.close()
        await writer.wait_closed()

    assert [reply["object"] for reply in replies] == ["model", "response"]
    assert seen.summary()["calls"] == 1


async def read_reply(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    return json.loads(await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1])))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([45.0], [0, 10, 20, 30, 40, 50]), ([0.0, 70.0], [0, 20, 40, 60, 80]), ([0.008], [0, 0.002, 0.004, 0.006, 0.008])],
)
def test_a_linear_axis_goes_from_zero_past_the_largest_value_in_round_steps(values, ticks):
    from benchmarks.plots import linear_axis

    axis = linear_axis(values)

    assert axis.ticks == pytest.approx(ticks)
    assert axis.place(max(values)) <= 1.0


def test_a_plot_holds_its_points_within_its_axes_and_escapes_its_texts():
    from benchmarks.measure import Curve
    from benchmarks.plots import HEIGHT, WIDTH, svg

    curve = Curve("c", "a < b & c", "rows", "s", {"one": [(10.0, 1.0), (1000.0, 5.0)], "two": [(20.0, 0.0)]}, "")
    root = ET.fromstring(svg(curve))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    points = [
        tuple(map(float, point.split(",")))
        for line in root.iter("{http://www.w3.org/2000/svg}polyline")
        for point in line.get("points").split()
    ]

    assert {"a < b & c", "rows", "s", "one", "two", "10", "1,000"} <= set(texts)
    assert len(points) == 3
    assert all(0 < across < WIDTH and 0 < down < HEIGHT for across, down in points)


def test_a_sample_belongs_to_the_last_caller_and_start_up_does_not_count():
    from benchmarks.shares import OURS, shares_of

    ours, site, loop = f"call ({OURS}/worker.py:1)", "/x/site-packages", "run (/x/lib/asyncio/base_events.py:1)"
    stacks = [
        f"{loop};{ours};post ({site}/openai/_client.py:2);dumps (/x/lib/json.py:3) 4",
        f"{ours};execute ({OURS}/store/queue.py:1) 2",
        f"{loop};{ours};render ({site}/jinja2/a.py:1) 1",
        f"{loop} 1",
        f"{ours};_load (<frozen importlib._bootstrap>:1);x ({site}/openai/__init__.py:1) 50",
    ]

    assert shares_of(stacks) == {
        "the SDK": 0.5, "the store and SQLite": 0.25, "our own code": 0.125, "the event loop": 0.125,
    }  # fmt: skip


def test_the_results_list_omissions_and_no_path_of_this_machine(tmp_path):
    from benchmarks.measure import Bench, Curve, Figure, LeftOut, Section, at_most
    from benchmarks.table import markdown

    results = [
        Figure("claims", "few", at_most(1.2), [1.0, 1.5, 1.1], "note"),
        LeftOut("peers", "no network"),
        Section("More", "text"),
        Curve("c", "Growth", "rows", "s", {"one": [(1.0, 1.0)]}, "Flat."),
    ]
    text = markdown(Bench(tmp_path, is_quick=True, rounds=3), results, 60.0)

    assert "| claims | few | ≤ 1.2 | **1.1** | 1 to 1.5 | yes | note |" in text
    assert "- peers: left out, no network." in text
    assert "## More\n\ntext" in text
    assert "![Growth](plots/c.svg)\n\nFlat." in text
    assert str(ROOT) not in text
    assert str(tmp_path) not in text


def test_a_part_of_the_results_is_replaced_and_stands_before_the_plots(tmp_path):
    from benchmarks.measure import Bench, Figure, Section, at_least
    from benchmarks.table import markdown, part_of, with_part

    def results(value):
        return [
            Figure("first", "", at_least(1), [2.0]),
            Figure("Jobs", "psql", at_least(1), [value], part="PostgreSQL"),
            Section("Size", "large", part="PostgreSQL"),
        ]

    before = markdown(Bench(tmp_path, is_quick=True, rounds=3), results(3.0)[:1], 60.0)
    whole = markdown(Bench(tmp_path, is_quick=True, rounds=3), results(3.0), 60.0)
    part = part_of("PostgreSQL", results(4.0), "Measured.")

    for text in (before, whole):
        changed = with_part(text, "PostgreSQL", part)
        assert changed.count("## PostgreSQL\n\nMeasured.\n\n| what |") == 1
        assert changed.index("| **4** |") < changed.index("### Size\n\nlarge\n\n## How it grows")
        assert "**3**" not in changed
        assert "| first |" in changed


def sql_changes(tmp_path, text):
    from benchmarks.mutants.sql_mutants import mutants

    file = tmp_path / "statement.sql"
    file.write_text(text)
    return [mutant.text for mutant in mutants(file)]


def test_each_condition_of_a_statement_is_left_out_and_each_comparison_is_changed(tmp_path):
    found = sql_changes(tmp_path, "SELECT id FROM jobs WHERE state = 'done' AND (a < 3 OR b IS NULL) ORDER BY id")

    begin, end = "SELECT id FROM jobs WHERE ", " ORDER BY id"
    assert {text.removeprefix(begin).removesuffix(end) for text in found if text.endswith(end)} == {
        "true AND (a < 3 OR b IS NULL)", "state <> 'done' AND (a < 3 OR b IS NULL)",
        "state = 'done_' AND (a < 3 OR b IS NULL)", "state = 'done' OR (a < 3 OR b IS NULL)", "state = 'done' AND true",
        "state = 'done' AND (false OR b IS NULL)", "state = 'done' AND (a <= 3 OR b IS NULL)",
        "state = 'done' AND (a >= 3 OR b IS NULL)", "state = 'done' AND (a < (3 + 1) OR b IS NULL)",
        "state = 'done' AND (a < 3 AND b IS NULL)", "state = 'done' AND (a < 3 OR false)",
        "state = 'done' AND (a < 3 OR b IS NOT NULL)",
    }  # fmt: skip
    assert [text[-12:] for text in found if not text.endswith(end)] == [" b IS NULL) ", "R BY id DESC"]


def test_each_assignment_and_each_bound_of_a_statement_is_left_out(tmp_path):
    found = sql_changes(tmp_path, "UPDATE jobs SET a = coalesce(b, c), d = d + 1 WHERE id BETWEEN :x AND :y")

    for text in (
        "UPDATE jobs SET a = a, d = d + 1 WHERE id BETWEEN :x AND :y",
        "UPDATE jobs SET a = b, d = d + 1 WHERE id BETWEEN :x AND :y",
        "UPDATE jobs SET a = coalesce(b, c), d = d WHERE id BETWEEN :x AND :y",
        "UPDATE jobs SET a = coalesce(b, c), d = d - 1 WHERE id BETWEEN :x AND :y",
        "UPDATE jobs SET a = coalesce(b, c), d = d + 1 WHERE id >= :x ",
        "UPDATE jobs SET a = coalesce(b, c), d = d + 1 WHERE id <= :y",
        "UPDATE jobs SET a = coalesce(b, c), d = d + 1 WHERE true",
    ):
        assert text in found


def test_every_explained_mutant_is_still_a_change_of_the_program():
    from benchmarks.mutants.report import reasons

    files = {path.name: path for path in (ROOT / "artistjobs").rglob("*") if "postgres" not in path.parts}
    for (file, change), why in reasons().items():
        lines = {line.strip() for line in files[file].read_text("utf-8").splitlines()}
        assert [line for line in change.splitlines() if line[0] == "-" and line[2:] not in lines] == [], file
        assert why.endswith(".")
