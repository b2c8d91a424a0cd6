from typing import Any, ClassVar, Generic, TypeVar

from .types import Schema

_T = TypeVar("_T", bound=RequestStruct)

class Response:
    API_KEY: int
    API_VERSION: int
    SCHEMA: Schema
    def __getattr__(self, name: str) -> Any: ...

class RequestStruct:
    FLEXIBLE_VERSION: ClassVar[bool]
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    RESPONSE_TYPE: ClassVar[type[Response]]
    SCHEMA: ClassVar[Schema]
    def __init__(self, *fields: object) -> None: ...

class Request(Generic[_T]):
    API_KEY: ClassVar[int]
    def build(self, request_struct_class: type[_T]) -> _T: ...
