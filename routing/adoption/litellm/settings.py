"""What a LiteLLM config says of all deployments: routing, budgets, logs; each field says what becomes of it."""

from typing import Annotated, ClassVar

from pydantic import Field

from ..section import Count, Dollars, Positive, Reference
from .values import Duration, OfLitellm, Text


class Reliability(OfLitellm):
    """What may stand under `router_settings`, which is stronger, and under `litellm_settings`."""

    num_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    """`models[].route.retries`: of a request as a whole, not of each group"""
    fallbacks: list[object] | None = None
    """`models[].route.fallbacks`; `*` is for all models without their own"""
    context_window_fallbacks: list[object] | None = None
    """`models[].route.context_window_fallbacks`"""
    content_policy_fallbacks: list[object] | None = None
    """`models[].route.content_policy_fallbacks`"""
    default_fallbacks: list[Text] | None = None
    """`models[].route.fallbacks` of all models without their own"""
    max_fallbacks: Annotated[int, Field(ge=0, le=100)] | None = None
    """`models[].route.max_fallbacks`"""
    allowed_fails: Annotated[int, Field(ge=0, le=10**6)] | None = None
    """`models[].route.breaker.minimum`, one more, in a window of a minute; a share of failures opens a circuit"""
    cooldown_time: Positive | None = None
    """`models[].route.breaker.cooldown`"""


class Router(Reliability):
    """`router_settings`."""

    section: ClassVar[str] = "router_settings"

    routing_strategy: Text | None = None
    """`models[].route.strategy`"""
    timeout: Positive | Reference | None = None
    """`providers.*.timeout`"""
    retry_after: Annotated[float, Field(ge=0, le=3600)] | None = None
    """`models[].route.backoff`"""
    disable_cooldowns: bool | None = None
    """`models[].route.breaker`, which then never opens"""
    enable_tag_filtering: bool | None = None
    """`deployments[].tags`"""
    enable_pre_call_checks: bool | None = None
    """always on: what is surely too long for a deployment does not go there"""
    default_max_parallel_requests: Count | Reference | None = None
    """`deployments[].limits.parallel` of those without their own"""
    model_group_alias: dict[str, object] | None = None
    """`models`: one more, whose route leads to the model"""
    provider_budget_config: dict[str, object] | None = None
    """`providers.*.budgets`, where the provider has one account"""


class ProviderBudget(OfLitellm):
    """One of `router_settings.provider_budget_config`."""

    section: ClassVar[str] = "router_settings.provider_budget_config.*"

    budget_limit: Dollars | None = None
    """`providers.*.budgets[].usd`"""
    time_period: Duration | None = None
    """`providers.*.budgets[].per`, where it is an hour, a day, a week or a month"""
    max_budget: Dollars | None = None
    """as `budget_limit`"""
    budget_duration: Duration | None = None
    """as `time_period`"""


class Settings(Reliability):
    """`litellm_settings`."""

    section: ClassVar[str] = "litellm_settings"

    request_timeout: Positive | Reference | None = None
    """`providers.*.timeout`; `router_settings.timeout` is stronger"""
    drop_params: bool | None = None
    """`providers.*.drop`"""
    json_logs: bool | None = None
    """`operations.log`"""
    set_verbose: bool | None = None
    """`operations.log_level`"""
    max_end_user_budget: Dollars | None = None
    """`end_users.budgets[].usd`, in total"""
    default_team_settings: list[object] | None = None
    """`workspaces`"""


class Team(OfLitellm):
    """One of `litellm_settings.default_team_settings`."""

    section: ClassVar[str] = "litellm_settings.default_team_settings[]"

    team_id: Text | None = None
    """`workspaces[].id`"""
    max_budget: Dollars | None = None
    """`workspaces[].budgets[].usd`"""
    budget_duration: Duration | None = None
    """`workspaces[].budgets[].per`, where it is an hour, a day, a week or a month"""
    tpm_limit: Count | None = None
    """`workspaces[].limits.tokens_per_minute`"""
    rpm_limit: Count | None = None
    """`workspaces[].limits.requests_per_minute`"""
    max_parallel_requests: Count | None = None
    """`workspaces[].limits.parallel`"""


class General(OfLitellm):
    """`general_settings`."""

    section: ClassVar[str] = "general_settings"

    max_request_size_mb: Annotated[float, Field(gt=0, le=1024)] | None = None
    """`limits.request_bytes`"""
