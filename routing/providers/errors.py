"""From an answer that is none to a setback: one way for all wire families. What errors mean is data: `errors.toml`."""

from typing import Final

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Tokens
from ..http import HttpReply
from ..outcome import Setback
from ..target import Target
from .error_shapes import Said, said_by
from .error_table import Ending, Finish, Meaning, Retry, Scopes, Where, error_table
from .signals import rate_signal, should_retry

__all__ = ["Ending", "Finish", "finish", "malformed", "setback"]

#: Characters of a message that are searched for phrases.
_SEARCHED: Final = 4_000


def setback(reply: HttpReply, target: Target, why: Failure | None = None, tokens: Tokens | None = None) -> Setback:
    """Say what came back instead of an answer. No bytes raise.

    `why` is what the family found wrong with it; an error that the answer tells itself goes before it. `tokens` is what
    the provider says that it used all the same.
    """
    said = said_by(reply)
    meaning = _meaning(said, (target.listed_as, target.wire))
    if meaning is None:
        failed, retry = (why if why and not said.is_error else _unnamed(reply, said)), None
    else:
        failed, retry = failure(meaning.code, given=_in_words(reply, said)), meaning.retry
    wait = _wait(reply, target, failed.code)
    again = _again(reply, retry, wait)
    if again is not None:
        failed = msgspec.structs.replace(failed, retriable=again)
    return Setback(failed, wait, again, reply.status, said.body, tokens)


def finish(target: Target, said: str | None, where: Ending = Ending.REASON) -> Finish | Failure:
    """Return how an answer ended, in OpenAI's words, or the failure that this is.

    What nobody knows is a failure, and not worth another call: it was paid for, and the next one may end like it.
    """
    ended = None if said is None else error_table().ended(where, said.lower(), (target.listed_as, target.wire))
    if ended is None:
        return msgspec.structs.replace(malformed(f"{said!r}", "a known way for an answer to end"), retriable=False)
    return failure(ended, given=f"an answer that ended with {said!r}") if isinstance(ended, Code) else ended


def malformed(given: str, expected: str = "the JSON of an answer") -> Failure:
    """Return the failure of an answer that cannot be used: it may have been billed."""
    return failure(Code.MALFORMED_RESPONSE, expected=expected, given=given)


def _meaning(said: Said, scopes: Scopes) -> Meaning | None:
    """Return what is said, in the order that the table tells; None if nothing that is known."""
    table = error_table()
    vague: Meaning | None = None
    prose = True
    for where, word in said.words:
        found = table.word(where, word, scopes, said.status)
        if found is not None and not found.vague:
            return found
        vague = vague or found
        prose = prose and found is not None  # a code that nobody knows is a code nevertheless
    phrase = table.word(Where.MESSAGE, said.message[:_SEARCHED].lower(), scopes, said.status) if prose else None
    return phrase or table.http(said.status, scopes) or vague or table.http_class(said.status)


def _unnamed(reply: HttpReply, said: Said) -> Failure:
    """Return the failure of an answer that says nothing that is known."""
    if said.is_error or said.status >= 400:
        return failure(Code.PROVIDER_ERROR, given=_in_words(reply, said))
    return malformed(said.message or f"HTTP {reply.status} without an answer")


def _in_words(reply: HttpReply, said: Said) -> str:
    word = f" {said.words[0][1]}" if said.words else ""
    return f"HTTP {reply.status}{word}: {said.message or 'no message'}"


def _wait(reply: HttpReply, target: Target, code: Code) -> float | None:
    """Return the seconds that are asked for, or those until the limit is whole that has nothing left."""
    signal = rate_signal(reply.headers, reply.body, target.listed_as)
    if signal.retry_after is not None or code is not Code.RATE_LIMITED:
        return signal.retry_after
    resets = (each.reset for each in signal.allowances if each.remaining == 0)
    return max((reset for reset in resets if reset is not None), default=None)


def _again(reply: HttpReply, retry: Retry | None, wait: float | None) -> bool | None:
    """Return the provider's own word, or else what the table knows better than the catalogue of failures."""
    told = should_retry(reply.headers)
    if told is None and retry is not None:
        return retry is Retry.IF_TOLD and wait is not None
    return told
