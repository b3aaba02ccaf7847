"""Play every session of a folder, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..run import model_files
from .exchanges import discover
from .report import Result
from .session import Session


def run_exchanges(folder: Path, only: Iterable[str], jobs: int, say: Callable[[str], None]) -> list[Result]:
    """Play the exchanges of a folder; returns the results by session and order.

    Raises CaseError: no such exchange, or a server that ended; HostError: one that did not start.
    """
    sessions = discover(folder, only)
    models = model_files()
    total, done = sum(map(len, sessions)), []

    def tell(result: Result) -> None:
        done.append(result.exchange.id)
        mark = "ok" if result.ok else "NOT OK"
        say(f"[{len(done)}/{total}] {result.exchange.id}: {mark}, {result.seconds:.1f} s  {result.reason}")

    with ThreadPoolExecutor(max(1, min(jobs, len(sessions)))) as pool:
        played = [pool.submit(Session(exchanges, models).play, tell) for exchanges in sessions]
        return [result for one in played for result in one.result()]
