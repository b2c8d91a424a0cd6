"""The keys of log lines. One meaning each, everywhere; a test holds every call in the project to this list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: What every line has, in this order.
ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ts": "when, RFC 3339 in UTC with milliseconds",
        "level": "debug, info, warning, error or critical",
        "logger": "the module that speaks",
        "event": "what happened, for people",
    }
)

#: What a line may have beside it: `extra={...}` of the logging call.
CONTEXT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "request_id": "the request",
        "custom_id": "the caller's own name of the request",
        "batch": "the batch",
        "key": "the virtual key",
        "workspace": "the tenant",
        "lane": "urgent, standard or bulk",
        "model": "the model that was asked for",
        "deployment": "the deployment that was called",
        "provider": "the provider of the deployment",
        "credential": "the name of a provider's credential",
        "attempt": "the number of the attempt, from 1",
        "run": "one worker's run of one request",
        "event_id": "a usage event",
        "code": "a failure, from the catalogue",
        "status": "an HTTP status, or how a request ended",
        "topic": "a topic, without its partition",
        "partition": "a partition, or a stream",
        "offset": "a place in a partition",
        "cursor": "where reading continues",
        "group": "a consumer group",
        "member": "a member of a consumer group",
        "epoch": "the generation of an assignment, or one life of the store",
        "count": "how many, of what the event says",
        "uncommitted": "deliveries that were given out and whose end is not committed",
        "rows": "rows of the ledger",
        "bytes": "a size",
        "seconds": "a duration",
        "path": "a file or a directory",
        "line": "a line of a file, from 1",
        "directory": "where the embedded default keeps its files",
        "address": "host:port, or a URL without credentials",
        "port": "a port",
        "pid": "a process",
        "signal": "a signal of the operating system",
        "error": "what a library or the system said",
        "waiting": "where each task of the process stands, the innermost call first",
        "version": "a version, of what the event says",
        "table": "a table of the ledger",
    }
)

#: Written by the formatter itself.
WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "exception": "the traceback",
        "stack": "where the call was made",
        "other": "what a library added, by its own names",
    }
)
