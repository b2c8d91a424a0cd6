"""The parts of a LiteLLM config that are read; each field says what becomes of it."""

from typing import Annotated, ClassVar

from pydantic import Field

from ....schemas.config_routes import Tag
from ..section import Count, Dollars, Positive, Reference, Section, Weight

_Option = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | Reference
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]+$")] | Reference
_Header = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
_Text = Annotated[str, Field(min_length=1)]
_Duration = Annotated[str, Field(pattern=r"^\d+ ?(s|m|h|d|w|mo)?$")]
_Order = Annotated[int, Field(ge=0, le=10**9)]

#: Fields of a body that LiteLLM fills in where a request does not have them.
BODY = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "user",
        "response_format",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
        "thinking",
        "service_tier",
        "verbosity",
        "dimensions",
        "encoding_format",
        "modalities",
        "prediction",
        "safety_settings",
        "web_search_options",
    )
)


class _OfLitellm(Section):
    source: ClassVar[str] = "litellm"


class File(_OfLitellm):
    """The whole file."""

    section: ClassVar[str] = ""

    model_list: object = None
    """`models`; entries of one name are the deployments of one model"""
    litellm_settings: object = None
    """see below"""
    router_settings: object = None
    """see below"""
    general_settings: object = None
    """see below"""
    credential_list: object = None
    """`providers`; each is laid under the deployments that name it"""


class Entry(_OfLitellm):
    """One of `model_list`."""

    section: ClassVar[str] = "model_list[]"

    model_name: _Text | None = None
    """`models[].name`; `prefix/*` makes a provider named `prefix`, whose models are asked for as `prefix/model`"""
    litellm_params: object = None
    """see below"""
    model_info: object = None
    """see below"""
    rpm: Count | Reference | None = None
    """as `litellm_params.rpm`, and stronger, but no weight"""
    tpm: Count | Reference | None = None
    """as `litellm_params.tpm`, and stronger, but no weight"""


class Params(_OfLitellm):
    """Who is called, and how."""

    section: ClassVar[str] = "model_list[].litellm_params"
    passed: ClassVar[frozenset[str]] = BODY
    passed_to: ClassVar[str] = (
        "`deployments[].params`, which are stronger than what a request says; LiteLLM's are weaker"
    )

    model: _Text | None = None
    """`providers` by its prefix, `deployments[].model` by the rest"""
    custom_llm_provider: _Text | None = None
    """`providers`; stronger than the prefix"""
    api_key: _Text | None = None
    """`providers.*.api_key`; a secret that stands there in plain is replaced by a variable"""
    api_base: _Text | None = None
    """`providers.*.base_url`, or `options` where it leads to the provider's own host"""
    base_url: _Text | None = None
    """as `api_base`"""
    api_version: _Version | None = None
    """`providers.*.query`, with Azure's dated address; without a date, Azure's v1 API"""
    litellm_credential_name: _Text | None = None
    """`providers`, from `credential_list`"""
    azure_ad_token: _Text | None = None
    """`providers.*.api_key` with `auth: bearer`"""
    organization: _Header | None = None
    """`providers.*.headers`, as OpenAI-Organization"""
    extra_headers: dict[str, object] | None = None
    """`providers.*.headers`; values that may be secrets are replaced by variables"""
    headers: dict[str, object] | None = None
    """as `extra_headers`"""
    region_name: _Option | None = None
    """`providers.*.options`: region at Bedrock, location at Vertex"""
    aws_region_name: _Option | None = None
    """`providers.*.options.region`"""
    aws_access_key_id: _Text | None = None
    """`providers.*.api_key` with `auth: sigv4`"""
    aws_secret_access_key: _Text | None = None
    """as `aws_access_key_id`"""
    aws_session_token: _Text | None = None
    """as `aws_access_key_id`"""
    aws_bedrock_runtime_endpoint: _Text | None = None
    """`providers.*.base_url`"""
    vertex_project: _Option | None = None
    """`providers.*.options.project`"""
    vertex_location: _Option | None = None
    """`providers.*.options.location`"""
    rpm: Count | Reference | None = None
    """`deployments[].limits.requests_per_minute`; it holds in any minute, under every strategy"""
    tpm: Count | Reference | None = None
    """`deployments[].limits.tokens_per_minute`; as `rpm`"""
    itpm: Count | Reference | None = None
    """`deployments[].limits.input_tokens_per_minute`"""
    otpm: Count | Reference | None = None
    """`deployments[].limits.output_tokens_per_minute`"""
    max_parallel_requests: Count | Reference | None = None
    """`deployments[].limits.parallel`"""
    timeout: Positive | Reference | None = None
    """`deployments[].timeout`"""
    weight: Weight | None = None
    """`deployments[].weight`; where the first of a group has none, `rpm` or `tpm` is the weight, as in LiteLLM"""
    order: _Order | None = None
    """`deployments[].order`; those without come last if another has one, as in LiteLLM"""
    tags: list[Tag] | None = None
    """`deployments[].tags`, if `enable_tag_filtering` is on"""
    input_cost_per_token: Dollars | None = None
    """`deployments[].price.input`"""
    output_cost_per_token: Dollars | None = None
    """`deployments[].price.output`"""
    cache_read_input_token_cost: Dollars | None = None
    """`deployments[].price.cached`"""
    cache_creation_input_token_cost: Dollars | None = None
    """`deployments[].price.cache_write`"""
    max_budget: Dollars | None = None
    """`deployments[].budgets[].usd`"""
    budget_duration: _Duration | None = None
    """`deployments[].budgets[].per`, where it is an hour, a day, a week or a month"""
    drop_params: bool | None = None
    """`providers.*.drop`; of all deployments with the same account"""
    additional_drop_params: list[_Text] | None = None
    """`deployments[].params`, as null"""
    extra_body: dict[str, object] | None = None
    """`deployments[].params`"""


class Info(_OfLitellm):
    """What is known of a deployment's model."""

    section: ClassVar[str] = "model_list[].model_info"

    id: _Text | None = None
    """`deployments[].id`"""
    base_model: _Text | None = None
    """`deployments[].price`: today's price of that model, where the deployment's own name has none"""
    max_input_tokens: Count | None = None
    """`deployments[].context_window`"""
    order: _Order | None = None
    """as `litellm_params.order`, which is stronger"""
    rpm: Count | Reference | None = None
    """as `litellm_params.rpm`, which is stronger, but no weight"""
    tpm: Count | Reference | None = None
    """as `litellm_params.tpm`, which is stronger, but no weight"""
    supports_function_calling: bool | None = None
    """`deployments[].capabilities`; the four that are not said to be false"""
    supports_vision: bool | None = None
    """as `supports_function_calling`"""
    supports_response_schema: bool | None = None
    """as `supports_function_calling`"""
    supports_reasoning: bool | None = None
    """as `supports_function_calling`"""
    input_cost_per_token: Dollars | None = None
    """`deployments[].price.input`"""
    output_cost_per_token: Dollars | None = None
    """`deployments[].price.output`"""
    cache_read_input_token_cost: Dollars | None = None
    """`deployments[].price.cached`"""
    cache_creation_input_token_cost: Dollars | None = None
    """`deployments[].price.cache_write`"""


class Credential(_OfLitellm):
    """One of `credential_list`."""

    section: ClassVar[str] = "credential_list[]"

    credential_name: _Text | None = None
    """what deployments call it, and a part of the provider's name"""
    credential_values: object = None
    """as `litellm_params`"""


class Reliability(_OfLitellm):
    """What may stand under `router_settings`, which is stronger, and under `litellm_settings`."""

    num_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    """`models[].route.retries`: of a request as a whole, not of each group"""
    fallbacks: list[object] | None = None
    """`models[].route.fallbacks`; `*` is for all models without their own"""
    context_window_fallbacks: list[object] | None = None
    """`models[].route.context_window_fallbacks`"""
    content_policy_fallbacks: list[object] | None = None
    """`models[].route.content_policy_fallbacks`"""
    default_fallbacks: list[_Text] | None = None
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

    routing_strategy: _Text | None = None
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


class ProviderBudget(_OfLitellm):
    """One of `router_settings.provider_budget_config`."""

    section: ClassVar[str] = "router_settings.provider_budget_config.*"

    budget_limit: Dollars | None = None
    """`providers.*.budgets[].usd`"""
    time_period: _Duration | None = None
    """`providers.*.budgets[].per`, where it is an hour, a day, a week or a month"""
    max_budget: Dollars | None = None
    """as `budget_limit`"""
    budget_duration: _Duration | None = None
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


class Team(_OfLitellm):
    """One of `litellm_settings.default_team_settings`."""

    section: ClassVar[str] = "litellm_settings.default_team_settings[]"

    team_id: _Text | None = None
    """`workspaces[].id`"""
    max_budget: Dollars | None = None
    """`workspaces[].budgets[].usd`"""
    budget_duration: _Duration | None = None
    """`workspaces[].budgets[].per`, where it is an hour, a day, a week or a month"""
    tpm_limit: Count | None = None
    """`workspaces[].limits.tokens_per_minute`"""
    rpm_limit: Count | None = None
    """`workspaces[].limits.requests_per_minute`"""
    max_parallel_requests: Count | None = None
    """`workspaces[].limits.parallel`"""


class General(_OfLitellm):
    """`general_settings`."""

    section: ClassVar[str] = "general_settings"

    max_request_size_mb: Annotated[float, Field(gt=0, le=1024)] | None = None
    """`limits.request_bytes`"""


#: In the order of the documentation.
SECTIONS: tuple[type[_OfLitellm], ...] = (
    File,
    Entry,
    Params,
    Info,
    Credential,
    Router,
    ProviderBudget,
    Settings,
    Team,
    General,
)
