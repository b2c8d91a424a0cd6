"""Deployments in a LiteLLM config, and the credentials that they share; each field says what becomes of it."""

from typing import ClassVar

from ....schemas.config_routes import Tag
from ..section import Count, Dollars, Positive, Reference, Weight
from .values import Duration, Header, OfLitellm, Option, Order, Text, Version

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


class Entry(OfLitellm):
    """One of `model_list`."""

    section: ClassVar[str] = "model_list[]"

    model_name: Text | None = None
    """`models[].name`; `prefix/*` makes a provider named `prefix`, whose models are asked for as `prefix/model`"""
    litellm_params: object = None
    """see below"""
    model_info: object = None
    """see below"""
    rpm: Count | Reference | None = None
    """as `litellm_params.rpm`, and stronger, but no weight"""
    tpm: Count | Reference | None = None
    """as `litellm_params.tpm`, and stronger, but no weight"""


class Params(OfLitellm):
    """Who is called, and how."""

    section: ClassVar[str] = "model_list[].litellm_params"
    passed: ClassVar[frozenset[str]] = BODY
    passed_to: ClassVar[str] = (
        "`deployments[].params`, which are stronger than what a request says; LiteLLM's are weaker"
    )

    model: Text | None = None
    """`providers` by its prefix, `deployments[].model` by the rest"""
    custom_llm_provider: Text | None = None
    """`providers`; stronger than the prefix"""
    api_key: Text | None = None
    """`providers.*.api_key`; a secret that stands there in plain is replaced by a variable"""
    api_base: Text | None = None
    """`providers.*.base_url`, or `options` where it leads to the provider's own host"""
    base_url: Text | None = None
    """as `api_base`"""
    api_version: Version | None = None
    """`providers.*.query`, with Azure's dated address; without a date, Azure's v1 API"""
    litellm_credential_name: Text | None = None
    """`providers`, from `credential_list`"""
    azure_ad_token: Text | None = None
    """`providers.*.api_key` with `auth: bearer`"""
    organization: Header | None = None
    """`providers.*.headers`, as OpenAI-Organization"""
    extra_headers: dict[str, object] | None = None
    """`providers.*.headers`; values that may be secrets are replaced by variables"""
    headers: dict[str, object] | None = None
    """as `extra_headers`"""
    region_name: Option | None = None
    """`providers.*.options`: region at Bedrock, location at Vertex"""
    aws_region_name: Option | None = None
    """`providers.*.options.region`"""
    aws_access_key_id: Text | None = None
    """`providers.*.api_key` with `auth: sigv4`"""
    aws_secret_access_key: Text | None = None
    """as `aws_access_key_id`"""
    aws_session_token: Text | None = None
    """as `aws_access_key_id`"""
    aws_bedrock_runtime_endpoint: Text | None = None
    """`providers.*.base_url`"""
    vertex_project: Option | None = None
    """`providers.*.options.project`"""
    vertex_location: Option | None = None
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
    order: Order | None = None
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
    budget_duration: Duration | None = None
    """`deployments[].budgets[].per`, where it is an hour, a day, a week or a month"""
    drop_params: bool | None = None
    """`providers.*.drop`; of all deployments with the same account"""
    additional_drop_params: list[Text] | None = None
    """`deployments[].params`, as null"""
    extra_body: dict[str, object] | None = None
    """`deployments[].params`"""


class Info(OfLitellm):
    """What is known of a deployment's model."""

    section: ClassVar[str] = "model_list[].model_info"

    id: Text | None = None
    """`deployments[].id`"""
    base_model: Text | None = None
    """`deployments[].price`: today's price of that model, where the deployment's own name has none"""
    max_input_tokens: Count | None = None
    """`deployments[].context_window`"""
    order: Order | None = None
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


class Credential(OfLitellm):
    """One of `credential_list`."""

    section: ClassVar[str] = "credential_list[]"

    credential_name: Text | None = None
    """what deployments call it, and a part of the provider's name"""
    credential_values: object = None
    """as `litellm_params`"""
