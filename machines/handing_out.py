"""Work handed to a pool: all of its workers busy, results in order, nothing lost with a worker."""

from __future__ import annotations

import logging
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .pool import Pool, PoolError, Ticket, WorkLostError

logger = logging.getLogger("hires-fix")

_POLL = 0.1
"""Seconds between two looks at whether the job is cancelled."""

_SLOW, _SLOW_LEAST = 5.0, 2.0
"""A piece of work that all others wait for is started once more after this many times the usual time, and this many
seconds at least."""

_REMEMBERED = 100
"""Pieces of work that the usual time is that of."""

T = TypeVar("T")


@dataclass
class Tally:
    """What a worker has done in a job."""

    count: int = 0
    seconds: float = 0.0


@dataclass
class Handed(Generic[T]):
    """What `hand_out` has come to with an item."""

    item: T
    answer: dict[str, Any] | None
    """None: it has to be done here."""


@dataclass(eq=False)
class Waiting:
    """Something that was handed out, and whose turn comes later."""

    arguments: tuple[Any, ...] | None
    hear: Callable[[dict[str, Any]], None] | None = None
    came: dict[str, Any] | None = None
    """The answer, if it came before it was this one's turn."""
    tickets: list[Ticket] = field(default_factory=list)
    refused_by: set[str] = field(default_factory=set)


class HandingOut:
    """The pieces of one job."""

    def __init__(self, pool: Pool, function: str, check: Callable[[], None]) -> None:
        """`check` is called while there is nothing to do but to wait; it may raise to cancel."""
        self._pool: Pool | None = pool
        self._function, self._check = function, check
        self._took: deque[float] = deque(maxlen=_REMEMBERED)
        self._heard: list[Waiting] = []
        """What is on its way, of those whose answers somebody wants to hear of."""

        self.tallies: dict[str, Tally] = {}
        """By worker."""
        self.remarks: list[str] = []
        """What went otherwise than planned, in sentences."""

    def results(self, items: Iterable[T], arguments_of: Callable[[T], tuple[Any, ...] | None]) -> Iterator[Handed[T]]:
        """Hand items out and yield them in their order, each with its answer.

        Up to twice as many as the workers do at once, and two, are on their way: that is what it takes of memory.

        Args:
            arguments_of: of the function, made when it is an item's turn; None for one that has to be done here.

        Raises:
            BaseException: whatever the check raises.
        """
        ahead: deque[tuple[T, Waiting]] = deque()
        source = iter(items)
        is_more = True
        try:
            while is_more or ahead:
                while is_more and len(ahead) < self._room():
                    item = next(source, _END)
                    if item is _END:
                        is_more = False
                        break
                    ahead.append((item, self.start(arguments_of(item))))
                if ahead:
                    answer = self.answer(ahead[0][1])
                    yield Handed(ahead.popleft()[0], answer)
        finally:
            for _, waiting in ahead:
                self.drop(waiting)

    def slots(self) -> int:
        """How many pieces are done at once; 0 if nobody is there."""
        if self._pool is None:
            return 0
        try:
            return self._pool.slots()
        except PoolError as error:
            self._give_up(error)
            return 0

    def _room(self) -> int:
        slots = self.slots()
        return 2 * slots + 2 if slots else 1

    def start(self, arguments: tuple[Any, ...] | None, hear: Callable[[dict[str, Any]], None] | None = None) -> Waiting:
        """Hand out a piece, whose `answer` is asked for when it is its turn.

        `hear` gets the answer as soon as it is there, while others are waited for.
        """
        waiting = Waiting(arguments, hear)
        self._submit(waiting)
        if hear is not None and waiting.tickets:
            self._heard.append(waiting)
        return waiting

    def answer(self, first: Waiting) -> dict[str, Any] | None:
        """Wait for the answer of a piece that all others wait for, while those go on; None: it has to be done here."""
        since = time.monotonic()
        while first.tickets:
            self._check()
            self._listen(first)
            patience = _POLL / len(first.tickets) if self._pool is not None else 0
            done = next((one for one in first.tickets if one.wait(patience)), None)
            if done is not None:
                self._take(done, first)
            elif self._pool is None:
                break
            elif not self.slots():
                self.remark("there was no worker for a time, and this machine worked alone")
                break
            elif len(first.tickets) == 1 and self._is_slow(time.monotonic() - since):
                logger.info("A worker takes long; what it does is started once more.")
                self._submit(first)
        self.drop(first)
        return first.came

    def _listen(self, first: Waiting) -> None:
        """Take the answers of others that are there already."""
        for waiting in [one for one in self._heard if one is not first]:
            for ticket in waiting.tickets.copy():
                if ticket in waiting.tickets and ticket.wait(0):
                    self._take(ticket, waiting)
            if not waiting.tickets:
                self.drop(waiting)

    def drop(self, waiting: Waiting) -> None:
        """Nobody waits for a piece any more."""
        for ticket in waiting.tickets:
            ticket.cancel()
        waiting.tickets.clear()
        if waiting in self._heard:
            self._heard.remove(waiting)

    def remark(self, text: str) -> None:
        """Note what went otherwise than planned, once."""
        if text not in self.remarks:
            logger.warning("%s.", text)
            self.remarks.append(text)

    def _submit(self, waiting: Waiting) -> None:
        if self._pool is None or waiting.arguments is None:
            return
        try:
            waiting.tickets.append(self._pool.submit(self._function, *waiting.arguments))
        except PoolError as error:
            self._give_up(error)

    def _take(self, done: Ticket, waiting: Waiting) -> None:
        """Let what is waiting have the answer of a ticket that is done, if that is one."""
        waiting.tickets.remove(done)
        waiting.came = self._taken(done, waiting)
        if waiting.came is not None:
            self.drop(waiting)
            if waiting.hear is not None:
                waiting.hear(waiting.came)

    def _taken(self, ticket: Ticket, waiting: Waiting) -> dict[str, Any] | None:
        """The answer of a ticket that is done; None if there is none, or another one is waited for."""
        try:
            answer = ticket.result()
        except PoolError as error:
            self._give_up(error)
            return None
        except WorkLostError as error:
            self.remark(f"{error}; done by this machine")
            return None
        except Exception as error:
            self.remark(f"a worker failed ({type(error).__name__}: {error}); done by this machine")
            return None
        who = answer.get("who", "?")
        if "refused" in answer:
            self.remark(f"{who} is left out: {answer['refused']}")
            if self._pool is not None and who not in waiting.refused_by:
                waiting.refused_by.add(who)
                self._pool.exclude(who)
                self._submit(waiting)
            return None
        tally = self.tallies.setdefault(who, Tally())
        tally.count += 1
        tally.seconds += answer.get("seconds", 0.0)
        self._took.append(answer.get("seconds", 0.0))
        return answer

    def _is_slow(self, seconds: float) -> bool:
        usual = statistics.median(self._took) if self._took else float("inf")
        return seconds > max(_SLOW_LEAST, _SLOW * usual)

    def _give_up(self, error: PoolError) -> None:
        if self._pool is not None:
            self.remark(f"{error} This machine goes on alone")
        self._pool = None


_END: Any = object()
