"""The parts of a Portkey config that are read; each field says what becomes of it. Names may be in camel case, too."""

from typing import Annotated, ClassVar

from pydantic import Field

from ..section import Positive, Section, Weight

_Option = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]+$")]
_Header = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
_Text = Annotated[str, Field(min_length=1)]
_Status = Annotated[int, Field(ge=100, le=599)]


class _OfPortkey(Section):
    source: ClassVar[str] = "portkey"


class Target(_OfPortkey):
    """The whole config, and each of its targets: they are of one shape."""

    section: ClassVar[str] = "target"

    name: _Text | None = None
    """`targets[].name`"""
    strategy: object = None
    """see below"""
    targets: object = None
    """`targets` of the route"""
    provider: _Text | None = None
    """`providers`, by the name or by the `@slug`"""
    virtual_key: _Text | None = None
    """`providers`, one for each; the secret lies with Portkey, so that a variable takes its place"""
    api_key: _Text | None = None
    """`providers.*.api_key`; a secret that stands there in plain is replaced by a variable"""
    custom_host: _Text | None = None
    """`providers.*.base_url`; targets below have it too"""
    weight: Weight | None = None
    """`targets[].weight`"""
    override_params: dict[str, object] | None = None
    """`deployments[].model` and `deployments[].params`; targets below have them too, and their own are stronger"""
    retry: object = None
    """see below; targets below have it too"""
    request_timeout: Positive | None = None
    """`deployments[].timeout`; targets below have it too"""
    resource_name: _Option | None = None
    """`providers.*.options.resource`"""
    azure_resource_name: _Option | None = None
    """as `resource_name`"""
    api_version: _Version | None = None
    """`providers.*.query`, with Azure's dated address"""
    azure_api_version: _Version | None = None
    """as `api_version`"""
    deployment_id: _Text | None = None
    """`deployments[].model`"""
    azure_deployment_id: _Text | None = None
    """as `deployment_id`"""
    azure_deployment_name: _Text | None = None
    """as `deployment_id`"""
    azure_ad_token: _Text | None = None
    """`providers.*.api_key` with `auth: bearer`"""
    azure_foundry_url: _Text | None = None
    """`providers.*.base_url`, or `options.resource`"""
    aws_access_key_id: _Text | None = None
    """`providers.*.api_key` with `auth: sigv4`"""
    aws_secret_access_key: _Text | None = None
    """as `aws_access_key_id`"""
    aws_session_token: _Text | None = None
    """as `aws_access_key_id`"""
    aws_region: _Option | None = None
    """`providers.*.options.region`"""
    vertex_project_id: _Option | None = None
    """`providers.*.options.project`"""
    vertex_region: _Option | None = None
    """`providers.*.options.location`"""
    workers_ai_account_id: _Option | None = None
    """`providers.*.options.account_id`"""
    snowflake_account: _Option | None = None
    """`providers.*.options.account`"""
    huggingface_base_url: _Text | None = None
    """as `custom_host`"""
    openai_organization: _Header | None = None
    """`providers.*.headers`, as OpenAI-Organization"""
    openai_project: _Header | None = None
    """`providers.*.headers`, as OpenAI-Project"""
    openai_beta: _Header | None = None
    """`providers.*.headers`, as OpenAI-Beta"""
    anthropic_beta: _Header | None = None
    """`providers.*.headers`, as anthropic-beta"""
    anthropic_version: _Header | None = None
    """`providers.*.headers`, as anthropic-version"""


class Strategy(_OfPortkey):
    """How one of the targets is chosen."""

    section: ClassVar[str] = "target.strategy"

    mode: _Text | None = None
    """`strategy`: single, fallback, weighted or conditional; the next target is asked also where Portkey gives up"""
    on_status_codes: list[_Status] | None = None
    """`models[].route.status_fallbacks` at the top; below, what went wrong decides"""
    conditions: object = None
    """`conditions`; all that stands side by side has to hold"""
    default: _Text | None = None
    """`default`"""
    sticky_session: object = None
    """see below"""
    cb_config: object = None
    """see below"""


class Choice(_OfPortkey):
    """One of `conditions`."""

    section: ClassVar[str] = "target.strategy.conditions[]"

    query: dict[str, object] | None = None
    """`when`"""
    then: _Text | None = None
    """`then`"""


class Sticky(_OfPortkey):
    """Whose requests stay together."""

    section: ClassVar[str] = "target.strategy.sticky_session"

    hash_fields: list[_Text] | None = None
    """`sticky_on`, with `strategy: sticky`"""


class CircuitBreaker(_OfPortkey):
    """When a target is left alone."""

    section: ClassVar[str] = "target.strategy.cb_config"

    failure_threshold_percentage: Annotated[float, Field(gt=0, le=100)] | None = None
    """`models[].route.breaker.failure_ratio`, at the top"""
    minimum_requests: Annotated[int, Field(ge=1, le=10**9)] | None = None
    """`models[].route.breaker.minimum`, at the top"""
    cooldown_interval: Positive | None = None
    """`models[].route.breaker.cooldown`, at the top"""


class Retry(_OfPortkey):
    """How often one target is asked."""

    section: ClassVar[str] = "target.retry"

    attempts: Annotated[int, Field(ge=0, le=100)] | None = None
    """`models[].route.retries`: of a request as a whole, enough for the longest way through the tree"""
    use_retry_after_header: bool | None = None
    """always on: what a provider asks for is obeyed"""


#: In the order of the documentation.
SECTIONS: tuple[type[_OfPortkey], ...] = (Target, Strategy, Choice, Sticky, CircuitBreaker, Retry)
