"""Built-in tools of the Responses API: which of them a request uses, and what their calls cost.

Tools are billed for each call, on top of the tokens that the model reads and writes.
"""

from collections.abc import Iterator, Mapping, Sequence

from artistjobs.core.json_values import InvalidJson, Json, parse_json

CLIENT_TOOLS = frozenset({
    "function", "custom", "namespace", "local_shell", "apply_patch", "computer", "computer_use_preview",
})  # fmt: skip
"""Tools that the client runs: a call of one of them ends the response, and costs nothing but tokens."""


WEB_SEARCH_USD = 0.01


PREVIEW_SEARCH_USD = 0.025
"""Price of a call of ``web_search_preview`` by a model that does not reason."""


FILE_SEARCH_USD = 0.0025


CONTAINER_USD = {"1g": 0.03, "4g": 0.12, "16g": 0.48, "64g": 1.92}
"""Price of a container of the code interpreter by its memory. All prices: OpenAI's price list, November 2026."""


DEFAULT_MEMORY = "1g"


def server_tools(request: Mapping[str, Json]) -> list[str]:
    """Return the types of a request's tools that the server runs, so that the model reads what they return."""
    return [name for name in _types(request.get("tools")) if name not in CLIENT_TOOLS]


def max_call_usd(tool: str, request: Mapping[str, Json]) -> float | None:
    """Return the most that one call of a tool costs besides its tokens, in dollars; None if that is unknown."""
    if tool.startswith("web_search_preview"):
        return PREVIEW_SEARCH_USD
    if tool.startswith("web_search"):
        return WEB_SEARCH_USD
    if tool == "file_search":
        return FILE_SEARCH_USD
    return CONTAINER_USD.get(_memory(request)) if tool == "code_interpreter" else None


def fees_usd(body: str, model: str | None) -> float | None:
    """Return the fees for the tool calls in the body of an answer, in dollars; None if one of them has no known fee."""
    # Few answers have tool calls, and parsing the others again would take longer than anything else about them.
    if '_call"' not in body:
        return 0.0
    value = parse_json(body.encode("utf-8", "surrogatepass"))
    if isinstance(value, InvalidJson) or not isinstance(value, dict):
        return 0.0
    output = value.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    if any(item.get("type") == "image_generation_call" for item in items):
        return None  # billed as the tokens of another model, which the usage does not count
    containers = {str(item.get("container_id")) for item in items if item.get("type") == "code_interpreter_call"}
    return (
        sum(_is_search(item) for item in items) * _search_usd(value, model)
        + sum(item.get("type") == "file_search_call" for item in items) * FILE_SEARCH_USD
        + len(containers) * CONTAINER_USD.get(_memory(value), max(CONTAINER_USD.values()))
    )


def _is_search(item: Mapping[str, Json]) -> bool:
    """Return True for a search; opening a page and searching within it are free."""
    action = item.get("action")
    kind = action.get("type") if isinstance(action, dict) else None
    return item.get("type") == "web_search_call" and kind in (None, "search")


def _search_usd(answer: Mapping[str, Json], model: str | None) -> float:
    is_preview = any(name.startswith("web_search_preview") for name in _types(answer.get("tools")))
    return PREVIEW_SEARCH_USD if is_preview and (model or "").startswith("gpt-4") else WEB_SEARCH_USD


def _memory(value: Mapping[str, Json]) -> str:
    tools = value.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        container = tool.get("container") if isinstance(tool, dict) else None
        memory = container.get("memory_limit") if isinstance(container, dict) else None
        if isinstance(memory, str):
            return memory
    return DEFAULT_MEMORY


def _types(tools: Json) -> Sequence[str]:
    return list(_each_type(tools)) if isinstance(tools, list) else []


def _each_type(tools: Sequence[Json]) -> Iterator[str]:
    for tool in tools:
        kind = tool.get("type") if isinstance(tool, dict) else None
        yield kind if isinstance(kind, str) else "an unknown tool"
