"""From what happened to what is said: replies and usage events, pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...routing.access.rules import KeyRules
from ...routing.flex import asked_tier
from ...routing.outcome import Completion, Setback
from ...routing.target import Target
from ...routing.twins import calls_at
from ...schemas.failures import Code, Failure, failure
from ...schemas.reply import Account, Reply, Response, Status, Tokens
from ...schemas.request import Rejected, Request
from ...schemas.usage import Cause, Outcome, UsageEvent, event_id
from ..journal.claims import Run
from .begun import target_of
from .job import Attempt, Ended, Job
from .spending import Spent, estimated, spent

_NO_TOKENS: Final = Tokens()

#: How a request that ended with this failure is said to have ended.
_STATUS: Final = {
    Code.DEADLINE_EXCEEDED: Status.EXPIRED,
    Code.CANCELLED: Status.CANCELLED,
    Code.UNPRICED: Status.REFUSED,
    Code.UNAUTHENTICATED: Status.REFUSED,
    Code.FORBIDDEN: Status.REFUSED,
    Code.KEY_EXPIRED: Status.REFUSED,
    Code.BUDGET_EXCEEDED: Status.REFUSED,
    Code.MAX_COST_EXCEEDED: Status.REFUSED,
    Code.LIMIT_TOO_SMALL: Status.REFUSED,
}


def attempt_event(attempt: Attempt) -> UsageEvent:
    """Make the usage event of an attempt."""
    job = attempt.job
    result = attempt.result
    return _event(
        job,
        attempt.target,
        spent(attempt),
        event_id=attempt.event_id,
        ts=attempt.entered.at_us,
        attempt=attempt.number,
        code=None if isinstance(result, Completion) else result.failure.code,
        http_status=result.status,
        provider_request_id=result.request_id if isinstance(result, Completion) else None,
        latency_ms=attempt.latency_ms,
        calls=attempt.entered.demand.calls,
        asked=attempt.target.tier,
        served=result.tier if isinstance(result, Completion) else None,
    )


def interrupted_events(ways: Sequence[Job], interrupted: Run) -> list[UsageEvent]:
    """Make the `uncertain` events of attempts that a dead worker began; the real ones, if they exist, replace them.

    `ways` are the request as it is, and as it may have been sent on to other models. A deployment that none of them
    knows is not in the config any more: its attempt is booked by what the journal has kept of it.
    """
    known = {target.id: (job, target) for job in reversed(ways) for target in job.plan.targets}
    return [
        _interrupted(*(known.get(begun.deployment) or (ways[0], target_of(begun))), interrupted, number)
        for number, begun in enumerate(interrupted.attempts, start=1)
    ]


def _interrupted(job: Job, target: Target, run: Run, number: int) -> UsageEvent:
    asked = asked_tier(job.request, target)
    return _event(
        job,
        target,
        estimated(job.request, target, asked),
        event_id=event_id(run.id, number),
        ts=run.began_us,
        attempt=number,
        code=Code.INTERRUPTED,
        calls=calls_at(job.request, target),
        asked=asked,
    )


def _event(  # noqa: PLR0913 - the columns of one row
    job: Job,
    target: Target,
    used: Spent,
    *,
    event_id: str,
    ts: int,
    attempt: int,
    code: str | None,
    asked: str | None,
    served: str | None = None,
    http_status: int | None = None,
    provider_request_id: str | None = None,
    latency_ms: int = 0,
    calls: int = 1,
) -> UsageEvent:
    request, tokens = job.request, used.tokens
    return UsageEvent(
        event_id=event_id,
        request_id=request.id,
        ts=ts,
        outcome=used.outcome,
        cause=_cause(job, attempt),
        attempt=attempt,
        key=request.key,
        lane=request.lane,
        endpoint=request.endpoint,
        model=request.model,
        deployment=target.id,
        provider=target.provider,
        upstream_model=target.upstream_model,
        batch=request.batch,
        workspace=job.key.workspace,
        org=job.key.org,
        end_user=request.end_user,
        code=code,
        http_status=http_status,
        provider_request_id=provider_request_id,
        input_tokens=tokens.input,
        cached_tokens=tokens.cached,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
        reasoning_tokens=tokens.reasoning,
        units=tokens.units,
        cost_nano=used.bill.nano,
        price_version=used.bill.version,
        queue_ms=max(0, ts // 1000 - request.enqueued_ms),
        latency_ms=latency_ms,
        metadata=dict(request.metadata),
        cache_write_1h_tokens=tokens.cache_write_1h,
        input_audio_tokens=tokens.input_audio,
        cached_audio_tokens=tokens.cached_audio,
        output_audio_tokens=tokens.output_audio,
        service_tier_asked=asked,
        service_tier=served,
        calls=calls,
    )


def _cause(job: Job, attempt: int) -> Cause:
    if job.request.shadow_of is not None:
        return Cause.SHADOW
    if job.is_fallback:
        return Cause.FALLBACK
    return Cause.FIRST if attempt == 1 else Cause.RETRY


def refusal_event(
    asked: Request | Rejected, why: Failure, place: str, now_us: int, key: KeyRules | None = None
) -> UsageEvent:
    """Make the event of a request that nobody was called for. `place` makes its id, so a redelivery changes nothing."""
    return UsageEvent(
        event_id=event_id(place, 0),
        request_id=asked.id,
        ts=now_us,
        outcome=Outcome.REFUSED,
        cause=Cause.FIRST if asked.shadow_of is None else Cause.SHADOW,
        attempt=0,
        key=asked.key,
        lane=asked.lane,
        endpoint=asked.endpoint,
        model=asked.model,
        batch=asked.batch,
        workspace=None if key is None else key.workspace,
        org=None if key is None else key.org,
        end_user=asked.end_user if isinstance(asked, Request) else None,
        code=why.code,
        queue_ms=max(0, now_us // 1000 - asked.enqueued_ms),
        metadata=dict(asked.metadata) if isinstance(asked, Request) else {},
    )


def replayed_event(job: Job, now_us: int) -> UsageEvent:
    """Make the event of a request that was sent again and is answered from the journal: it costs nothing."""
    event = refusal_event(job.request, failure(Code.INTERNAL), job.place, now_us, job.key)
    return msgspec.structs.replace(event, outcome=Outcome.REPLAYED, code=None)


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


def final_reply(job: Job, ended: Ended, last: Attempt, cost_nano: int) -> Reply:
    """Answer a request after its last attempt. An `end` overrides the attempt's own failure: a passed deadline, say."""
    result = last.result
    why = None if isinstance(result, Completion) else (ended.end or result.failure)
    account = Account(
        request_id=job.request.id,
        status=Status.COMPLETED if why is None else _STATUS.get(why.code, Status.FAILED),
        batch=job.request.batch,
        model=last.job.request.model,
        deployment=last.target.id,
        provider=last.target.provider,
        attempts=len(ended.run.attempts) + job.made,
        tokens=result.tokens or _NO_TOKENS,
        cost_nano=cost_nano + job.spent_nano,
        queue_ms=max(0, ended.began_us // 1000 - job.request.enqueued_ms),
        latency_ms=(last.entered.at_us - ended.began_us) // 1000 + last.latency_ms,
        service_tier=result.tier if isinstance(result, Completion) else None,
        notes=last.notes,
    )
    return Reply(reply_id(job.request.id), job.request.custom_id, _response(result), why, account)


def _response(result: Completion | Setback) -> Response | None:
    if isinstance(result, Completion):
        return Response(result.status, result.request_id, msgspec.Raw(result.body))
    if result.status is None or result.body is None:
        return None
    return Response(result.status, "", msgspec.Raw(result.body))
