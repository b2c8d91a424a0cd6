"""Tools of a chat, and whether they are called, in Converse's words."""

from typing import Final, Literal, NamedTuple

import msgspec

from ..anthropic.wire import ToolChoice as ClaudeChoice
from ..chat import ABSENT, ChatBody, Function
from ..chat_parts import ToolUse, tool_use
from ..unmet import Unmet, asks
from .content import cache_mark
from .models import Model
from .wire import UNSET, CacheBlock, InputSchema, Name, Nothing, ToolBlock, ToolChoice, ToolConfig, ToolSpec, Unset

#: A function that takes nothing.
_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')


class Toolbox(NamedTuple):
    """What is said of tools."""

    config: ToolConfig | Unset = UNSET
    #: Claude's own `tool_choice`, for what Converse has no word for; never both.
    choice: ClaudeChoice | Unset = UNSET
    #: Whether a tool must be called.
    forced: bool = False


def toolbox(chat: ChatBody, model: Model, unmet: Unmet, *, has_calls: bool) -> Toolbox:
    """Say which tools there are. `has_calls`: messages tell of calls, which Converse refuses without tools."""
    use = _within(tool_use(chat, unmet), model, unmet)
    if not use.functions:
        if has_calls:
            unmet.wrong("tools", "those that were called before")
        return Toolbox()
    if use.mode == "none" and not has_calls:
        return Toolbox()  # a model that is told of no tools calls none
    tools = _tools(chat, use.functions, model, unmet)
    if use.mode == "none" or chat.parallel_tool_calls is False:
        choice = _of_claude(use, model, unmet)
        return Toolbox(ToolConfig(tools), choice, use.mode == "required")
    return Toolbox(ToolConfig(tools, _choice(use)), forced=use.mode == "required")


def _within(use: ToolUse, model: Model, unmet: Unmet) -> ToolUse:
    """Return what a model takes. Where it can be told only to call one or other, it is told of the one alone."""
    if use.mode == "required" and not model.forced_tools:
        unmet.cannot("tool_choice", "auto or none")
        return use._replace(mode="auto", name=None)
    if use.name is not None and not model.named_tools:
        return ToolUse([each for each in use.functions if each.name == use.name], "required")
    return use


def _choice(use: ToolUse) -> ToolChoice | Unset:
    if use.mode == "auto":
        return UNSET
    return ToolChoice(tool=Name(use.name)) if use.name else ToolChoice(any=Nothing())


def _of_claude(use: ToolUse, model: Model, unmet: Unmet) -> ClaudeChoice | Unset:
    """Say `none`, or that one tool is called at a time, which only Claude can be told."""
    if use.mode == "none":
        if model.claude is None:
            unmet.cannot("tool_choice", "auto and required where tools were called before")
            return UNSET
        return ClaudeChoice("none")
    if not model.one_call:
        unmet.cannot("parallel_tool_calls", "true")
        return UNSET
    kind: Literal["auto", "tool", "any"] = "auto" if use.mode == "auto" else "tool" if use.name else "any"
    return ClaudeChoice(kind, use.name or UNSET, disable_parallel_tool_use=True)


def _tools(chat: ChatBody, functions: list[Function], model: Model, unmet: Unmet) -> list[ToolBlock | CacheBlock]:
    if not model.schemas and any(function.strict for function in functions):
        unmet.cannot("strict")
    marks = {tool.function.name: tool.cache_control for tool in chat.tools or () if tool.cache_control is not ABSENT}
    tools: list[ToolBlock | CacheBlock] = []
    for function in functions:
        tools.append(ToolBlock(_spec(function, model)))
        if function.name in marks and (mark := cache_mark(marks[function.name], ABSENT, model, unmet)):
            tools.append(mark)
    return tools


def _spec(function: Function, model: Model) -> ToolSpec:
    return ToolSpec(
        function.name,
        InputSchema(function.parameters if asks("", function.parameters) else _NO_PARAMETERS),
        function.description or UNSET,
        True if function.strict and model.schemas else UNSET,
    )
