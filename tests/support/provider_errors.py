"""Errors as providers send them: replies built from a few words, each in the shape of its family."""

import json

from headgate.routing.http import HttpReply
from headgate.routing.target import Target

#: Family of the shared facts → provider and wire of a deployment.
PLACES = {
    "openai": ("openai", "openai"),
    "azure-openai": ("azure", "azure-openai"),
    "anthropic": ("anthropic", "anthropic"),
    "gemini": ("gemini", "gemini"),
    "bedrock-converse": ("bedrock", "bedrock-converse"),
    "cohere": ("cohere", "cohere"),
    "vllm/llama.cpp": ("my-own", "openai"),
    "tgi": ("my-own", "openai"),
    "zhipu/zai": ("zai", "openai"),
}


def target(provider, wire="openai"):
    return Target("d", provider, "m", wire, "http://127.0.0.1:1/v1", 60.0)


def target_of(family):
    return target(*PLACES.get(family, (family, "openai")))


def reply(status, body=None, **headers):
    """A reply; `_` in a header's name stands for `-`."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpReply(status, {name.replace("_", "-"): value for name, value in headers.items()}, text)


def openai(message="no", kind=None, code=None, param=None, **more):
    return {"error": {"message": message, "type": kind, "param": param, "code": code, **more}}


def anthropic(kind, message="no", error_code=None):
    details = {} if error_code is None else {"details": {"error_code": error_code}}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_1"}


def google(code, status, message="no", *details):
    return {"error": {"code": code, "message": message, "status": status, **({"details": details} if details else {})}}


def violation(quota):
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]}


def retry_info(delay):
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def mistral(message="no", kind=None, code=None):
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}
