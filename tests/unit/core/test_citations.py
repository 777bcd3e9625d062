"""What an answer cites and which tools it called is found in its response, whatever else is there."""

import json

import pytest

from artistjobs.core.citations import TEXT_CHARACTERS, citation_text, citations_in, citations_of

URL = {"type": "url_citation", "url": "https://example.com/kahlo", "title": "Kahlo", "start_index": 0, "end_index": 5}
FILE = {"type": "file_citation", "file_id": "file_1", "filename": "tate.csv", "index": 3}
SEARCH = {
    "type": "web_search_call", "id": "ws_1", "status": "completed",
    "action": {"type": "search", "query": "Frida", "sources": [{"type": "url", "url": "https://example.com/a"}, {}]},
}  # fmt: skip
FUNCTION = {
    "type": "function_call", "id": "fc_1", "call_id": "c", "name": "look_up", "arguments": '{"a": 1}',
    "status": "completed",
}  # fmt: skip
IMAGE = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": "A" * 1_000_000}


def response(*items, parts=()):
    message = {"type": "message", "content": list(parts)}
    return {"output": [{"type": "reasoning", "summary": []}, *items, message]}


def text(*annotations):
    return {"type": "output_text", "text": "Kahlo", "annotations": list(annotations)}


def test_annotations_and_calls_are_found_in_the_order_of_the_output():
    found = citations_of(response(SEARCH, FUNCTION, parts=[text(URL), text(FILE)]))

    assert found == [
        {
            "type": "web_search_call", "action": "search", "status": "completed", "query": "Frida",
            "sources": ["https://example.com/a"],
        },
        {"type": "function_call", "status": "completed", "name": "look_up", "arguments": '{"a": 1}'},
        URL,
        FILE,
    ]  # fmt: skip


def test_the_result_of_a_tool_is_left_out():
    assert citations_of(response(IMAGE)) == [{"type": "image_generation_call", "status": "completed"}]


@pytest.mark.parametrize(
    "odd",
    [
        None, [], "x", {}, {"output": None}, {"output": {}}, {"output": [None, 1, [], {}]},
        {"output": [{"type": "message"}, {"type": "message", "content": None}]},
        {"output": [{"type": "message", "content": [None, {}, {"annotations": None}, {"annotations": [None, 3]}]}]},
        {"output": [{"type": ["a_call"]}, {"type": "message", "content": "text"}]},
    ],
)  # fmt: skip
def test_a_response_without_any_has_none(odd):
    assert citations_of(odd) == []
    assert citations_in(json.dumps(odd)) == []


def test_they_are_found_in_a_stored_body_and_a_lone_surrogate_is_replaced():
    body = json.dumps(response(parts=[text({**URL, "title": "\ud800"})]))

    (found,) = citations_in(body)

    assert found["title"] == "\ufffd"
    assert citations_in('no json "annotations"') == []


@pytest.mark.parametrize(
    ("citation", "said"),
    [
        (URL, "url citation: Kahlo https://example.com/kahlo"),
        (FILE, "file citation: tate.csv file_1"),
        ({"type": "web_search_call", "action": "search", "query": "a", "queries": ["a"]}, "web search call: search a"),
        ({"type": "web_search_call", "queries": ["a", "b\nc"]}, "web search call: a, b c"),
        ({"type": "function_call", "name": "f", "arguments": '{"a":\n1}'}, 'function call: f {"a": 1}'),
        (3, ""),
    ],
)
def test_a_citation_is_one_line_for_people(citation, said):
    assert citation_text(citation) == said


def test_a_long_citation_is_cut_for_people():
    assert len(citation_text({**URL, "title": "x" * 10_000})) == TEXT_CHARACTERS
