"""Keeps the store's book of budgets equal to the ledger: fills it, posts to it, and fills it again after it was lost.

                      ┌──────────── the store is empty, of another life, or not where it should be ───────────┐
                      ▼                                                                                        │
    ledger's sums ─► open ─► everybody's holds in flight come back ─► the usage topic is read to its end ─► ready
                                   (dead_after seconds)                                                        │
                                                                                    post each append ◄─────────┘

The ledger never waits for the store. What could not be posted is kept in order and posted later; if it gets too much,
the store is filled anew. An opening that nobody knows the end of is done again under a new name, because workers take
their holds up once per name.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ...producers.redis_link import LinkError
from ...reporting.ledger import Ledger
from ..admission.port import BookState, BudgetBook, Phase, Posting, Spent, Taken
from .book_events import BookListener
from .surveying import Moment, Surveyor

_FIRST_PAUSE: Final = 0.05
_MAX_PAUSE: Final = 0.5
#: Windows that ended so long ago are not brought back: nobody can spend in them, and few events come so late.
BACK_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Posted:
    """What one append has to say to the store."""

    #: Partition → cursor before the append (None: it was the first) and after it.
    cursors: Mapping[str, tuple[str | None, str]]
    postings: Sequence[Posting]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the keeper waits for what. Seconds."""

    #: From the opening until every live worker has taken its holds up again.
    grace: float = 10.0
    #: How soon a lost store is noticed while nothing is posted.
    poll: float = 0.5
    #: How many postings are kept for a store that is away.
    postings: int = 200_000


class BookKeeper:
    """Runs beside the recorder's loop, which holds `still` while it appends and posts what the append changed."""

    def __init__(  # noqa: PLR0913 - its neighbours, and what tests put in the place of the world
        self,
        book: BudgetBook,
        ledger: Ledger,
        surveyor: Surveyor,
        listener: BookListener,
        patience: Patience | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        new_epoch: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._surveyor = surveyor
        self._listener = listener
        self._patience = Patience() if patience is None else patience
        self._clock = clock
        self._now_ns = now_ns
        self._new_epoch = new_epoch
        #: Held by whoever must not see the ledger change, or is changing it.
        self.still: Final = asyncio.Lock()
        self._waiting: deque[Posted] = deque()
        self._postings = 0
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        #: The store's life that is ours; None: it has to be looked at.
        self._epoch: str | None = None
        self._phase = Phase.EMPTY
        #: Where the store's book stands before what waits.
        self._cursors: dict[str, str] = {}
        self._look_at = float("-inf")
        self._began_at = clock()
        self._opened_at = 0.0
        self._ready_from = 0.0
        self._end_seen = float("-inf")

    def __repr__(self) -> str:
        return f"<BookKeeper {self._phase.value} {self._epoch}, {len(self._waiting)} appends wait>"

    @property
    def phase(self) -> Phase:
        """Where the store stands, as far as it is known."""
        return self._phase

    def begin(self, cursors: Mapping[str, str]) -> None:
        """Hear where the ledger stands before the first append and the first read."""
        self._cursors = dict(cursors)
        self._began_at = self._clock()

    def post(self, posted: Posted) -> None:
        """Hear what an append has changed. Returns at once; call it while holding `still`."""
        self._waiting.append(posted)
        self._postings += len(posted.postings)
        self._idle.clear()
        if self._postings > self._patience.postings:
            self._forget()
            self._epoch = None
        self._news.set()

    def at_end(self, since: float) -> None:
        """Hear that all that lay on the usage topic at some time is appended and posted, by the keeper's clock."""
        self._end_seen = max(self._end_seen, since)
        if self._phase is Phase.REBUILDING:
            self._news.set()

    async def posted(self) -> None:
        """Return when nothing waits."""
        await self._idle.wait()

    async def run(self) -> None:
        """Keep the book, for ever."""
        pause = _FIRST_PAUSE
        while True:
            self._news.clear()
            try:
                await self._turn()
            except LinkError as error:
                self._listener.away(error)
                self._look_at = float("-inf")
                await asyncio.sleep(pause)
                pause = min(_MAX_PAUSE, 2 * pause)
                continue
            pause = _FIRST_PAUSE
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._news.wait()

    async def _turn(self) -> None:
        """Look, post, open up: all that can be done now. Raises `LinkError`."""
        if self._epoch is None or self._clock() >= self._look_at:
            await self._look()
        await self._post_all()
        if self._epoch is not None and self._phase is Phase.REBUILDING and self._may_be_ready():
            await self._let_spend(self._epoch)

    def _rest(self) -> float:
        """Return for how long nothing is to be done, seconds."""
        if self._epoch is None:
            return 0.0
        due = self._look_at
        if self._phase is Phase.REBUILDING and self._ready_from > self._clock():
            due = min(due, self._ready_from)
        return max(0.0, due - self._clock())

    async def _look(self) -> None:
        state = await self._book.state()
        why = self._fault(state)
        if why is not None:
            await self._open(why, first=state.phase is Phase.EMPTY)
        else:
            self._epoch, self._phase = state.epoch, state.phase
        self._look_at = self._clock() + self._patience.poll

    def _fault(self, state: BookState) -> str | None:
        """Return what is wrong with the store's book; None if it is where it should be."""
        if state.phase is Phase.EMPTY:
            return "it was empty"
        if self._epoch is None and state.phase is Phase.REBUILDING:
            return "it was left half filled"
        if self._epoch is not None and state.epoch != self._epoch:
            return "somebody else has emptied it"
        # While something waits its first part may have been posted: posting it again finds out.
        behind = (self._epoch is None or not self._waiting) and dict(state.cursors or {}) != self._cursors
        return "it did not have what the ledger has" if behind else None

    async def _post_all(self) -> None:
        while self._waiting and self._epoch is not None:
            item = self._waiting[0]
            answer = await self._book.apply(self._epoch, item.cursors, item.postings, {})
            if answer is None:
                await self._open("it did not have what the ledger has", first=False)
            elif self._waiting and self._waiting[0] is item:
                self._drop_first()
                self._listener.posted(len(item.postings))
        if not self._waiting:
            self._idle.set()

    async def _open(self, why: str, *, first: bool) -> None:
        """Fill the store. `first`: it was empty, and may have been so for ever: then nobody has spent yet."""
        began, epoch = self._clock(), self._new_epoch()
        self._epoch, self._phase = None, Phase.REBUILDING
        async with self.still:
            survey = await asyncio.to_thread(self._survey)
            self._forget()
            self._cursors = dict(survey.cursors)
        await self._book.open(epoch, survey.cursors, survey.spent, survey.taken)
        now = self._clock()
        self._epoch, self._opened_at = epoch, now
        # Where nobody can have spent yet, it is enough that the usage topic was read to its end at any time of ours.
        self._ready_from = self._began_at if first and survey.lives == 0 else now + self._patience.grace
        self._listener.opened(epoch, why, len(survey.spent), now - began)

    def _survey(self) -> "_Sums":
        """Ask the ledger, in a thread."""
        now_us = self._now_ns() // 1000
        moment = Moment(now_us, self._ledger.newest(), BACK_US)
        questions = [self._surveyor.about_budgets(moment), *self._surveyor.about_rates(now_us)]
        survey = self._ledger.survey(questions)
        settled = self._surveyor.settled(moment, survey.answers[0])
        spent = [Spent(window, amount) for window, amount in settled]
        return _Sums(survey.cursors, spent, self._surveyor.taken(survey.answers[1:]), self._ledger.lives())

    def _may_be_ready(self) -> bool:
        seen = min(self._clock(), self._end_seen)
        return not self._waiting and seen >= self._ready_from

    async def _let_spend(self, epoch: str) -> None:
        # First written down, then said: a ledger without a life means that nobody ever could spend.
        await asyncio.to_thread(self._ledger.keep_epoch, epoch)
        if await self._book.ready(epoch):
            self._phase = Phase.READY
            self._listener.ready(epoch, self._clock() - self._opened_at)
        else:
            self._epoch = None

    def _drop_first(self) -> None:
        item = self._waiting.popleft()
        self._postings -= len(item.postings)
        self._cursors |= {partition: after for partition, (_, after) in item.cursors.items()}

    def _forget(self) -> None:
        while self._waiting:
            self._drop_first()


@dataclass(frozen=True, slots=True)
class _Sums:
    """The ledger at one moment."""

    cursors: Mapping[str, str]
    spent: Sequence[Spent]
    taken: Sequence[Taken]
    lives: int
