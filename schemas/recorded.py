"""A request as the ledger has recorded it: all of its attempts together, without the body, which nobody keeps."""

from collections.abc import Mapping

import msgspec

from .reply import Tokens


class RecordedAnswer(msgspec.Struct, frozen=True):
    """An attempt that was answered and paid for."""

    tokens: Tokens
    #: Nano-dollars.
    cost_nano: int
    price_version: str
    deployment: str
    provider: str
    #: Unix microseconds.
    at_us: int
    latency_ms: int
    #: The service tier that was asked for, and the one that served; None: nobody said.
    asked: str | None = None
    served: str | None = None
    #: That it was made of: more than one where several choices were made by as many. Tokens and money are of all.
    calls: int = 1


class RecordedRequest(msgspec.Struct, frozen=True):
    """What is known of a request afterwards. Times are unix microseconds, money nano-dollars."""

    request_id: str
    key: str
    lane: str
    endpoint: str
    #: As it was asked for, before any fallback.
    model: str
    arrived_us: int
    #: From its arrival to its first attempt, or to its refusal.
    waited_us: int
    #: Where it went last; empty if nobody was called.
    deployment: str
    provider: str
    #: Of its last attempt.
    latency_ms: int
    #: When its last event began.
    last_us: int
    #: Of all attempts.
    cost_nano: int
    #: Usually one. None: it was refused, or all of its attempts failed.
    answers: tuple[RecordedAnswer, ...] = ()
    #: Why it was refused, if nobody answered it.
    code: str | None = None
    end_user: str | None = None
    metadata: Mapping[str, str] = {}

    @property
    def tokens(self) -> Tokens:
        """Of all answers together."""
        each = [answer.tokens for answer in self.answers]
        return Tokens(
            input=sum(it.input for it in each),
            cached=sum(it.cached for it in each),
            cache_write=sum(it.cache_write for it in each),
            output=sum(it.output for it in each),
            reasoning=sum(it.reasoning for it in each),
            cache_write_1h=sum(it.cache_write_1h for it in each),
            input_audio=sum(it.input_audio for it in each),
            cached_audio=sum(it.cached_audio for it in each),
            output_audio=sum(it.output_audio for it in each),
            units=sum(it.units for it in each),
        )

    @property
    def calls(self) -> int:
        """How many calls its last answer was made of."""
        return self.answers[-1].calls if self.answers else 1

    @property
    def answered_nano(self) -> int:
        """What the answers cost."""
        return sum(answer.cost_nano for answer in self.answers)

    @property
    def other_nano(self) -> int:
        """What attempts cost that were not the answer: those that failed, or may have been billed."""
        return self.cost_nano - self.answered_nano
