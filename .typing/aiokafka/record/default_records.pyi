from collections.abc import Iterator

class DefaultRecord:
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

class _DefaultRecordBatchPy:
    _buffer: bytearray
    base_offset: int
    next_offset: int
    producer_id: int
    is_control_batch: bool
    is_transactional: bool
    def __init__(self, buffer: bytes) -> None: ...
    def __iter__(self) -> Iterator[DefaultRecord]: ...

class DefaultRecordBatchBuilder:
    @classmethod
    def estimate_size_in_bytes(
        cls, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
    ) -> int: ...
