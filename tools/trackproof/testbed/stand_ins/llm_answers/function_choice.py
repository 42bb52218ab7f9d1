"""The functions that an answer calls, from `tools` and `tool_choice` or their older forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trackproof.testbed.stand_ins.llm_answers.request_errors import BadRequestError

_EXPECTED_CHOICE: Final = (
    'expected "none", "auto", "required", {"type": "function", "function": {"name": …}} or '
    '{"type": "allowed_tools", "allowed_tools": {"mode": …, "tools": […]}}'
)
_EXPECTED_TOOL: Final = 'expected {"type": "function", "function": {"name": …, "parameters": {…}}}'


@dataclass(frozen=True)
class Function:
    """A function that the caller offers."""

    name: str
    parameters: Any
    """JSON schema of the arguments."""


def chosen_functions(body: Mapping[str, Any], *, is_answered: bool) -> tuple[Function, ...]:
    """Return the functions to call; none for an answer in text.

    One function is called, the first that is allowed; with `parallel_tool_calls: true`, each
    allowed function once.

    Args:
        body: The request.
        is_answered: The last message is the result of a call, so that an agent with a free
            choice is at its end.

    Raises:
        BadRequestError: The tools or the choice are invalid.
    """
    if body.get("tools"):
        offered = [_tool(tool) for tool in _list(body, "tools")]
        choice, param = body.get("tool_choice"), "tool_choice"
        several = body.get("parallel_tool_calls") is True
    elif body.get("functions"):
        offered = [_function(function, "functions") for function in _list(body, "functions")]
        choice, param, several = body.get("function_call"), "function_call", False
    else:
        # llama-index's OpenAILike sends tool_choice without tools, and servers ignore it.
        return ()
    allowed = _allowed(offered, choice, param, is_answered=is_answered)
    return allowed if several else allowed[:1]


def _allowed(
    offered: list[Function], choice: Any, param: str, *, is_answered: bool
) -> tuple[Function, ...]:
    if isinstance(choice, dict):
        if choice.get("type") == "allowed_tools":
            return _from_allow_list(offered, choice, is_answered=is_answered)
        name = choice.get("name")
        if isinstance(choice.get("function"), dict):
            name = choice["function"].get("name")
        return _named(offered, [name], param)
    if choice == "none":
        return ()
    if choice in (None, "auto"):
        return () if is_answered else tuple(offered)
    if choice in ("required", "any"):
        return tuple(offered)
    raise BadRequestError(f"unknown {param} {choice!r}: {_EXPECTED_CHOICE}", param)


def _from_allow_list(
    offered: list[Function], choice: Mapping[str, Any], *, is_answered: bool
) -> tuple[Function, ...]:
    listed = choice.get("allowed_tools", choice)
    try:
        names = [tool.get("function", tool)["name"] for tool in listed["tools"]]
        mode = listed["mode"]
    except (AttributeError, KeyError, TypeError) as error:
        raise BadRequestError(f"invalid tool_choice: {_EXPECTED_CHOICE}", "tool_choice") from error
    allowed = list(_named(offered, names, "tool_choice"))
    return _allowed(allowed, mode, "tool_choice", is_answered=is_answered)


def _named(offered: list[Function], names: Iterable[Any], param: str) -> tuple[Function, ...]:
    by_name = {function.name: function for function in offered}
    wanted = list(names)
    for name in wanted:
        if name not in by_name:
            raise BadRequestError(
                f"{param} is not among the tools: {name!r}; expected one of {sorted(by_name)}",
                param,
            )
    return tuple(by_name[name] for name in wanted)


def _list(body: Mapping[str, Any], param: str) -> list[Any]:
    value = body[param]
    if not isinstance(value, list):
        raise BadRequestError(f"{param} must be a list", param)
    return value


def _tool(tool: Any) -> Function:
    if not isinstance(tool, dict) or tool.get("type", "function") != "function":
        kind = tool.get("type") if isinstance(tool, dict) else tool
        raise BadRequestError(f"tool {kind!r} is not supported: {_EXPECTED_TOOL}", "tools")
    return _function(tool.get("function"), "tools")


def _function(function: Any, param: str) -> Function:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise BadRequestError(f"a function has no name: {_EXPECTED_TOOL}", param)
    return Function(function["name"], function.get("parameters") or {"type": "object"})
