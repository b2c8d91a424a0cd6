"""From what happened to what is said: replies and usage events, pure."""

from dataclasses import dataclass
from typing import Final

import msgspec

from ...routing.estimate import estimated_tokens
from ...routing.prices import cost_nano
from ...routing.providers.openai import Completion
from ...routing.retry import Setback
from ...routing.target import Target
from ...schemas.failures import CATALOGUE, Code, Failure
from ...schemas.reply import Account, Reply, Response, Status, Tokens
from ...schemas.request import Rejected, Request
from ...schemas.usage import Cause, Outcome, UsageEvent, event_id
from ..journal.port import Run

_NO_TOKENS: Final = Tokens()

#: How a request that ended with this failure is said to have ended.
_STATUS: Final = {
    Code.DEADLINE_EXCEEDED: Status.EXPIRED,
    Code.CANCELLED: Status.CANCELLED,
    Code.UNPRICED: Status.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as it happened. Times are unix microseconds."""

    #: Names it at the provider and in the ledger.
    event_id: str
    number: int
    target: Target
    began_us: int
    ended_us: int
    result: Completion | Setback

    @property
    def latency_ms(self) -> int:
        """How long it took."""
        return (self.ended_us - self.began_us) // 1000


def spent(request: Request, attempt: Attempt) -> tuple[Outcome, Tokens]:
    """Return how an attempt ended for the books, and the tokens it used: the provider's figures, or an estimate."""
    if isinstance(attempt.result, Completion):
        if attempt.result.tokens is not None:
            return Outcome.SUCCEEDED, attempt.result.tokens
        return Outcome.UNCERTAIN, estimated_tokens(request)  # answered, and not said for how much
    if CATALOGUE[attempt.result.failure.code].may_be_billed:
        return Outcome.UNCERTAIN, estimated_tokens(request)
    return Outcome.FAILED, _NO_TOKENS


def cost(target: Target, tokens: Tokens) -> int:
    """Return nano-dollars; 0 for a deployment without a price, which the config must have allowed."""
    return 0 if target.price is None else cost_nano(target.price, tokens)


def attempt_event(request: Request, run: Run, attempt: Attempt) -> UsageEvent:
    """Make the usage event of an attempt."""
    outcome, tokens = spent(request, attempt)
    result = attempt.result
    return _event(
        request,
        attempt.target,
        tokens,
        event_id=attempt.event_id,
        ts=attempt.began_us,
        outcome=outcome,
        attempt=attempt.number,
        code=None if isinstance(result, Completion) else result.failure.code,
        http_status=result.status,
        provider_request_id=result.request_id if isinstance(result, Completion) else None,
        queue_ms=max(0, run.began_us // 1000 - request.enqueued_ms),
        latency_ms=attempt.latency_ms,
    )


def interrupted_events(request: Request, interrupted: Run, targets: dict[str, Target]) -> list[UsageEvent]:
    """Make the `uncertain` events of attempts that a dead worker began; the real ones, if they exist, replace them."""
    fallback = next(iter(targets.values()))
    return [
        _event(
            request,
            targets.get(deployment, fallback),
            estimated_tokens(request),
            event_id=event_id(interrupted.id, number),
            ts=interrupted.began_us,
            outcome=Outcome.UNCERTAIN,
            attempt=number,
            code=Code.INTERRUPTED,
            queue_ms=max(0, interrupted.began_us // 1000 - request.enqueued_ms),
        )
        for number, deployment in enumerate(interrupted.attempts, start=1)
    ]


def _event(  # noqa: PLR0913 - the columns of one row
    request: Request,
    target: Target,
    tokens: Tokens,
    *,
    event_id: str,
    ts: int,
    outcome: Outcome,
    attempt: int,
    code: str | None,
    http_status: int | None = None,
    provider_request_id: str | None = None,
    queue_ms: int = 0,
    latency_ms: int = 0,
) -> UsageEvent:
    return UsageEvent(
        event_id=event_id,
        request_id=request.id,
        ts=ts,
        outcome=outcome,
        cause=Cause.FIRST if attempt == 1 else Cause.RETRY,
        attempt=attempt,
        key=request.key,
        lane=request.lane,
        endpoint=request.endpoint,
        model=request.model,
        deployment=target.id,
        provider=target.provider,
        upstream_model=target.upstream_model,
        batch=request.batch,
        code=code,
        http_status=http_status,
        provider_request_id=provider_request_id,
        input_tokens=tokens.input,
        cached_tokens=tokens.cached,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
        reasoning_tokens=tokens.reasoning,
        cost_nano=cost(target, tokens),
        price_version="" if target.price is None else target.price.version,
        queue_ms=queue_ms,
        latency_ms=latency_ms,
        metadata=dict(request.metadata),
    )


def refusal_event(asked: Request | Rejected, why: Failure, place: str, now_us: int) -> UsageEvent:
    """Make the event of a request that nobody was called for. `place` makes its id, so a redelivery changes nothing."""
    return UsageEvent(
        event_id=event_id(place, 0),
        request_id=asked.id,
        ts=now_us,
        outcome=Outcome.REFUSED,
        cause=Cause.FIRST,
        attempt=0,
        key=asked.key,
        lane=asked.lane,
        endpoint=asked.endpoint,
        model=asked.model,
        batch=asked.batch,
        code=why.code,
        queue_ms=max(0, now_us // 1000 - asked.enqueued_ms),
        metadata=dict(asked.metadata) if isinstance(asked, Request) else {},
    )


def refusal_reply(asked: Request | Rejected, why: Failure, now_us: int) -> Reply:
    """Answer a request that nobody was called for."""
    account = Account(
        request_id=asked.id,
        status=_STATUS.get(why.code, Status.FAILED),
        batch=asked.batch,
        model=asked.model or None,
        queue_ms=max(0, now_us // 1000 - asked.enqueued_ms),
    )
    return Reply(reply_id(asked.id), asked.custom_id, None, why, account)


def reply_id(request_id: str) -> str:
    """Return the id of the one reply to a request: the same however often it is made."""
    return f"reply-{request_id}"


def final_reply(request: Request, run: Run, last: Attempt, end: Failure | None, cost_nano: int) -> Reply:
    """Answer a request after its last attempt. `end` overrides the attempt's own failure, such as a passed deadline."""
    result = last.result
    why = None if isinstance(result, Completion) else (end or result.failure)
    account = Account(
        request_id=request.id,
        status=Status.COMPLETED if why is None else _STATUS.get(why.code, Status.FAILED),
        batch=request.batch,
        model=request.model,
        deployment=last.target.id,
        provider=last.target.provider,
        attempts=last.number,
        tokens=(result.tokens if isinstance(result, Completion) else None) or _NO_TOKENS,
        cost_nano=cost_nano,
        queue_ms=max(0, run.began_us // 1000 - request.enqueued_ms),
        latency_ms=(last.ended_us - run.began_us) // 1000,
    )
    return Reply(reply_id(request.id), request.custom_id, _response(result), why, account)


def _response(result: Completion | Setback) -> Response | None:
    if isinstance(result, Completion):
        return Response(result.status, result.request_id, msgspec.Raw(result.body))
    if result.status is None or result.body is None:
        return None
    return Response(result.status, "", msgspec.Raw(result.body))
