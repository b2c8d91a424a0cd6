import asyncio

class TransactionManager:
    transactional_id: str
    producer_id: int
    producer_epoch: int
    def error_transaction(self, exc: BaseException) -> None: ...
    def wait_for_transaction_end(self) -> asyncio.Future[None] | None: ...
