"""How often something may be done that costs time by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Says yes at once, and then not again before `seconds` have gone by."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._last: float | None = None

    def due(self) -> bool:
        """Whether it is time; if so, the wait begins anew."""
        now = self._clock()
        if self._last is not None and now - self._last < self._seconds:
            return False
        self._last = now
        return True
