"""How long a job will still take, in words."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY, FIRST_AFTER = 0.5, 3.0
"""Seconds between two lines, and that a job takes before its first one."""


class RemainingTime:
    """Learns from the progress of a job how fast it goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin: tuple[float, int] | None = None
        self._last: float | None = None

    def text(self, done: int, total: int) -> str | None:
        """Return the next line, or None while the last one will do; `done` and `total` have any one unit."""
        now = self._clock()
        if self._begin is None or done < self._begin[1]:
            # only from the first report on, because before it models are loaded and finished parts are skipped
            self._begin, self._last = (now, done), None
            return None
        start, before = self._begin
        if done >= total:
            return f"done in {in_words(now - start)}" if self._last is not None else None
        if done == before or now - start < FIRST_AFTER or (self._last is not None and now - self._last < EVERY):
            return None
        self._last = now
        return f"{100 * done // total} %, about {in_words((now - start) * (total - done) / (done - before))} left"


def in_words(seconds: float) -> str:
    """Round a time to two parts at most: 41 s, 3 min 5 s, 2 h 10 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
