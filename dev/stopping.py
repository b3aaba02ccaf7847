"""How a command ends before its time: a SIGTERM is taken as Ctrl-C is, once, so that servers are stopped in order."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any


def listen() -> None:
    """From now on the first SIGTERM raises KeyboardInterrupt, and so does Ctrl-C. A SIGTERM after either is ignored.

    One that is sent to a group of processes may arrive twice, directly and handed on by `dev.py`: the second must not
    end what the first has begun, which is to stop the servers.
    """
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)


def _stop(*_: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(work: Callable[[], int]) -> int:
    """Do the work of a script; its exit status, 130 where it was stopped."""
    listen()
    try:
        return work()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
