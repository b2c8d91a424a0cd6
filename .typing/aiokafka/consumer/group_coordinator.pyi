import asyncio

class GroupCoordinator:
    coordinator_id: int | None
    generation: int
    member_id: str
    _coordination_task: asyncio.Task[None]
    _group_instance_id: str | None
    def check_errors(self) -> None: ...
    def request_rejoin(self) -> None: ...
