"""Messages of a chat as the turns of Converse: system texts apart, roles by turns, results before all else."""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from ..chat import (
    ABSENT,
    Assistant,
    Audio,
    Content,
    Developer,
    File,
    Image,
    Message,
    Part,
    Refusal,
    System,
    Text,
    ToolResult,
    User,
)
from ..chat_parts import arguments, texts
from ..unmet import Unmet, asks
from .media import Attachments
from .models import Model
from .wire import (
    Block,
    CacheBlock,
    CachePoint,
    DocumentBlock,
    Reasoning,
    ReasoningBlock,
    ReasoningText,
    Result,
    SystemBlock,
    TextBlock,
    ToolResultBlock,
    ToolUse,
    ToolUseBlock,
    Turn,
)

B = TypeVar("B")

#: What Converse allows in ids of tool calls (`ToolUseId`) and Claude does too.
_ODD: Final = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_ID: Final = 64
_MARK: Final = CacheBlock(CachePoint())


class _Mark(msgspec.Struct, frozen=True):
    """`cache_control`, as Anthropic has it."""

    ttl: str | None = None


class _Thinking(msgspec.Struct, frozen=True, tag="thinking"):
    thinking: str
    signature: str


class _Redacted(msgspec.Struct, frozen=True, tag="redacted_thinking"):
    data: str


_marks: Final = msgspec.json.Decoder(_Mark)
_thoughts: Final = msgspec.json.Decoder(_Thinking | _Redacted)


class Conversation(NamedTuple):
    """All messages of a chat."""

    system: list[SystemBlock]
    turns: list[Turn]
    #: Whether a tool was called before: then Converse has to be told of tools.
    has_calls: bool


def conversation(messages: Sequence[Message], model: Model, unmet: Unmet) -> Conversation:
    """Sort messages into what is said first of all and what is said by turns."""
    speech = _Speech(model, unmet)
    for at, message in enumerate(messages):
        speech.hear(at, message)
        if not isinstance(message, ToolResult) and message.name is not None:
            unmet.cannot("name")
    _keep_rules(speech.turns, model, unmet)
    return Conversation(speech.system, speech.turns, speech.has_calls)


def cache_mark(control: msgspec.Raw, breakpoint_: msgspec.Raw, model: Model, unmet: Unmet) -> CacheBlock | None:
    """Return the mark that says that all up to here is worth keeping, None if nobody asks for it."""
    asked = asks("", control)
    if not asked and not asks("", breakpoint_):
        return None
    try:
        ttl = _marks.decode(control).ttl if asked else None
    except msgspec.DecodeError:
        ttl = ""
    if model.keeps and ttl in (None, *model.keeps):
        return _MARK if ttl is None else CacheBlock(CachePoint(ttl=ttl))
    unmet.cannot("cache_control" if asked else "prompt_cache_breakpoint", ", ".join(model.keeps) or "no such parameter")
    return None


class _Speech:
    """What is said, as far as it has been heard."""

    __slots__ = ("_attachments", "_model", "_unmet", "has_calls", "system", "turns")

    def __init__(self, model: Model, unmet: Unmet) -> None:
        self._model: Final = model
        self._unmet: Final = unmet
        self._attachments: Final = Attachments(model, unmet)
        self.system: list[SystemBlock] = []
        self.turns: list[Turn] = []
        self.has_calls = False

    def hear(self, at: int, message: Message) -> None:
        if isinstance(message, (System, Developer)):
            if self.turns:
                self._unmet.put(f"moved the {message.__struct_config__.tag} message {at} before all others")
            self.system += self._texts(message.content, "system")
        elif isinstance(message, ToolResult):
            self._add_result(message)
        elif isinstance(message, User):
            self._add("user", self._said(message.content))
        else:
            self._add("assistant", self._answered(message))

    def _add(self, role: Literal["user", "assistant"], blocks: list[Block]) -> None:
        """Add blocks, to the last turn if it is the same side's; nothing is not a turn."""
        if self.turns and self.turns[-1].role == role:
            self.turns[-1].content.extend(blocks)
        elif blocks:
            self.turns.append(Turn(role, blocks))

    def _add_result(self, message: ToolResult) -> None:
        """Add what a tool returned: results have to come first in their turn."""
        self.has_calls = True
        said = self._texts(message.content, "tool")
        result = Result(_id(message.tool_call_id), [block for block in said if isinstance(block, TextBlock)])
        marks = [block for block in said if isinstance(block, CacheBlock)]
        if not self.turns or self.turns[-1].role != "user":
            self.turns.append(Turn("user", []))
        blocks = self.turns[-1].content
        at = 0
        while at < len(blocks) and isinstance(blocks[at], (ToolResultBlock, CacheBlock)):
            at += 1
        blocks[at:at] = [ToolResultBlock(result), *marks]

    def _texts(self, content: Content, where: str) -> list[SystemBlock]:
        if content is None:
            return []
        if isinstance(content, str):  # as nearly all are
            return [] if not content or content.isspace() else [TextBlock(content)]
        found: list[SystemBlock] = []
        for part in texts(content, self._unmet, where):
            found += self._text(part)
        return found

    def _text(self, part: Text) -> tuple[TextBlock | CacheBlock, ...]:
        """Return a text, and the mark after it; Converse refuses one of white space, which says nothing."""
        mark = self._mark(part)
        return mark if not part.text or part.text.isspace() else (TextBlock(part.text), *mark)

    def _mark(self, part: Text | Image | File) -> tuple[CacheBlock, ...]:
        if part.cache_control is ABSENT and part.prompt_cache_breakpoint is ABSENT:  # as nearly always
            return ()
        return _if_any(cache_mark(part.cache_control, part.prompt_cache_breakpoint, self._model, self._unmet))

    def _said(self, content: Content) -> list[Block]:
        if content is None or isinstance(content, str):
            return [] if not content or content.isspace() else [TextBlock(content)]
        found: list[Block] = []
        for part in content:
            found += self._blocks(part)
        return found

    def _blocks(self, part: Part) -> tuple[Block, ...]:
        if isinstance(part, Text):
            return self._text(part)
        if isinstance(part, Refusal):
            return self._text(Text(part.refusal))
        if isinstance(part, Audio):
            if asks("", part.prompt_cache_breakpoint):
                self._unmet.cannot("prompt_cache_breakpoint", "it on texts, images and files")
            return _if_any(self._attachments.sound(part))
        attached = self._attachments
        block: Block | None = attached.image(part) if isinstance(part, Image) else attached.document(part)
        mark = self._mark(part)
        return mark if block is None else (block, *mark)

    def _answered(self, message: Assistant) -> list[Block]:
        """Return what the model said before, its thoughts first, as they came."""
        for name, value in (("audio", message.audio), ("function_call", message.function_call)):
            if value is not ABSENT and asks(name, value):
                self._unmet.cannot(name)
        extra = message.extra_content
        found: list[Block] = []
        if extra is not None and extra.anthropic is not None and self._model.claude is not None:
            found += self._thoughts(extra.anthropic.thinking)
        found += self._texts(message.content, "assistant")
        found += self._texts(message.refusal, "assistant")
        for call in message.tool_calls or ():
            self.has_calls = True
            given = arguments(call.function.arguments, self._unmet)
            found.append(ToolUseBlock(ToolUse(_id(call.id), call.function.name, given)))
        return found

    def _thoughts(self, blocks: Sequence[msgspec.Raw]) -> Iterator[ReasoningBlock]:
        """Return Claude's blocks of thinking in Converse's words."""
        for raw in blocks:
            try:
                block = _thoughts.decode(raw)
            except msgspec.DecodeError:
                self._unmet.wrong("extra_content", "blocks of thinking as they came")
                continue
            if isinstance(block, _Thinking):
                yield ReasoningBlock(Reasoning(ReasoningText(block.thinking, block.signature)))
            else:
                wrapped = b64encode(block.data.encode(errors="surrogatepass")).decode()
                yield ReasoningBlock(Reasoning(redacted_content=wrapped))


def _if_any(block: B | None) -> tuple[B, ...]:
    return () if block is None else (block,)


def _keep_rules(turns: Sequence[Turn], model: Model, unmet: Unmet) -> None:
    """Refuse what Converse, or the model on it, is known to refuse."""
    if not turns:
        unmet.wrong("messages", "at least one that says something and is not the system's")
    elif turns[0].role == "assistant" and not model.may_lead:
        unmet.wrong("messages", "a first one that is the user's")
    for turn in turns:
        kinds = set(map(type, turn.content))
        if DocumentBlock in kinds and TextBlock not in kinds:
            unmet.wrong("file", "a text beside it")
        if ToolResultBlock in kinds:
            _keep_results_apart(kinds, model, unmet)


def _keep_results_apart(kinds: set[type[Block]], model: Model, unmet: Unmet) -> None:
    if model.beside_results == "nothing" and kinds - {ToolResultBlock, CacheBlock}:
        unmet.wrong("messages", "nothing of the user's after the results of tools")
    elif model.beside_results == "no documents" and DocumentBlock in kinds:
        unmet.wrong("file", "none beside the results of tools")


def _id(given: str) -> str:
    """Return an id that Converse takes; of two long ones that differ, the names differ too."""
    plain = _ODD.sub("_", given) or "_"
    if len(plain) <= _LONGEST_ID:
        return plain
    return f"{plain[:47]}_{sha256(given.encode(errors='surrogatepass')).hexdigest()[:16]}"
