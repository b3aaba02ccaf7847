"""What hands out work and what does it, in the words both share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from .jobs import ModelFile


class PoolError(Exception):
    """Nothing can be handed to these workers any more: why, as a sentence."""


class WorkLostError(Exception):
    """What was handed out was lost with its worker, again and again: it is better done here."""


class Ticket(Protocol):
    """Something that was handed out."""

    def wait(self, seconds: float) -> bool:
        """Wait up to this long; whether it is done, well or not."""
        ...

    def result(self) -> Any:
        """What came back, of one that is done.

        Raises:
            WorkLostError, PoolError: nothing did.
            Exception: whatever the function raised there.
        """
        ...

    def cancel(self) -> None:
        """Nobody waits for it any more. May be called at any time."""
        ...


class Pool(Protocol):
    """Workers that run functions of `workplace.FUNCTIONS` by their names, on plain data."""

    name: str

    def meet(self, files: Sequence[ModelFile], paths: Sequence[Path]) -> list[str]:
        """Look at every worker before anything is handed out. `files`: models that are needed, and where they are here.

        Workers that do not fit are left out. Returns what is worth knowing, in sentences.

        Raises:
            PoolError: no worker fits, with what is the matter with each.
        """
        ...

    def prepare(self, function: str, *arguments: Any, check: Callable[[], None]) -> list[str]:
        """Call a function of every worker that is not left out; those whose answer says `refused` are. After `meet`.

        `check` is called meanwhile; it may raise to cancel. Returns what is worth knowing, in sentences.

        Raises:
            PoolError: no worker is left, with what is the matter with each.
        """
        ...

    def slots(self) -> int:
        """How many functions run at once; changes as workers come and go.

        Raises:
            PoolError: the workers cannot be reached.
        """
        ...

    def submit(self, function: str, *arguments: Any) -> Ticket:
        """Hand out a call.

        Raises:
            PoolError: the workers cannot be reached.
        """
        ...

    def exclude(self, who: str) -> None:
        """Hand nothing more to a worker, by the name it gives itself."""
        ...

    def close(self) -> None:
        """Cancel what runs and let go of the workers; processes that the pool started end."""
        ...
