"""Fees of built-in tools: each billed call of an answer counts, and what has no known fee has no known cost."""

import json

import factories as make
import pytest

from artistjobs.core.pricing import Billing
from artistjobs.core.tools import fees_usd, max_call_usd, server_tools


def answer_cost(answer, cost):
    return Billing(cost=cost).answer_usd(answer.model, answer.service_tier, answer.usage, answer.body)


def body(*items, **fields):
    return json.dumps({"id": "resp_1", "status": "completed", "output": list(items), **fields})


def search(action="search"):
    return {"type": "web_search_call", "status": "completed", "action": {"type": action, "query": "Nina Simone"}}


PREVIEW = [{"type": "web_search_preview"}]


@pytest.mark.parametrize(
    ("items", "fields", "model", "usd"),
    [
        ([], {}, "gpt-5", 0.0),
        (
            [{"type": "message", "content": [{"type": "output_text", "text": 'a "web_search_call" in a text'}]}],
            {},
            "",
            0,
        ),
        ([search(), search(), {"type": "message"}], {}, "gpt-5", 0.02),
        ([{"type": "web_search_call"}], {}, "gpt-5", 0.01),
        ([search("open_page"), search("find_in_page"), search()], {}, "gpt-5", 0.01),
        ([search()], {"tools": PREVIEW}, "gpt-4o-2024-08-06", 0.025),
        ([search()], {"tools": PREVIEW}, "gpt-5", 0.01),
        ([{"type": "file_search_call"}] * 4, {}, "gpt-5", 0.01),
        ([{"type": "code_interpreter_call", "container_id": "c1"}] * 3, {}, "gpt-5", 0.03),
        (
            [{"type": "code_interpreter_call", "container_id": name} for name in "ab"],
            {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}]},
            "gpt-5",
            0.24,
        ),
        ([{"type": "function_call"}, {"type": "mcp_call"}], {}, "gpt-5", 0.0),
        ([{"type": "image_generation_call"}], {}, "gpt-5", None),
        (["web_search_call", None, 7], {}, "gpt-5", 0.0),
    ],
)
def test_each_call_of_a_tool_has_its_fee(items, fields, model, usd):
    assert fees_usd(body(*items, **fields), model) == (usd if usd is None else pytest.approx(usd))


@pytest.mark.parametrize("text", ['no JSON "x_call"', '["x_call"]', '{"output": "x_call"}', '{"a_call": 1}'])
def test_a_body_of_another_shape_has_no_fees(text):
    assert fees_usd(text, "gpt-5") == 0.0


def test_an_answer_costs_its_tokens_and_its_tools():
    def cost(*_):
        return 0.5

    assert answer_cost(make.make_answer(body=body(search(), search())), cost) == pytest.approx(0.52)
    assert answer_cost(make.make_answer(body=body({"type": "image_generation_call"})), cost) is None
    assert answer_cost(make.make_answer(body=body(search()), model="rehearsal"), cost) == 0.5


@pytest.mark.parametrize(
    ("tools", "found"),
    [
        (None, []),
        ("nonsense", []),
        ([{"type": "function"}, {"type": "custom"}, {"type": "local_shell"}], []),
        ([{"type": "function"}, {"type": "web_search"}, {"type": "mcp"}], ["web_search", "mcp"]),
        (["nonsense", {}], ["an unknown tool", "an unknown tool"]),
    ],
)
def test_tools_that_the_server_runs_are_told_from_those_of_the_client(tools, found):
    assert server_tools({"tools": tools}) == found


@pytest.mark.parametrize(
    ("tool", "usd"),
    [
        ("web_search", 0.01), ("web_search_2025_08_26", 0.01), ("web_search_preview_2025_03_11", 0.025),
        ("file_search", 0.0025), ("code_interpreter", 0.03), ("image_generation", None), ("mcp", None), ("new", None),
    ],
)  # fmt: skip
def test_the_most_that_a_call_of_a_tool_costs(tool, usd):
    assert max_call_usd(tool, {}) == usd


def test_a_container_of_unknown_size_has_no_known_price():
    container = {"tools": [{"type": "code_interpreter", "container": {"memory_limit": "1t"}}]}

    assert max_call_usd("code_interpreter", container) is None
