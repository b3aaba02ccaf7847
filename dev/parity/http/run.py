"""Play every session of a folder, several at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
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
    models, stop = model_files(), threading.Event()
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(sessions)):
        waiting.put(index)
    total, done = sum(map(len, sessions)), []
    played: dict[int, list[Result]] = {}
    problems: list[BaseException] = []

    def tell(result: Result) -> None:
        done.append(result.exchange.id)
        mark = "ok" if result.ok else "NOT OK"
        say(f"[{len(done)}/{total}] {result.exchange.id}: {mark}, {result.seconds:.1f} s  {result.reason}")

    def work() -> None:
        try:
            while not stop.is_set():
                index = waiting.get_nowait()
                played[index] = Session(sessions[index], models).play(tell, stop)
        except queue.Empty:
            return
        except BaseException as problem:  # handed to the caller, who waits for all threads
            problems.append(problem)
            stop.set()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(1, min(jobs, len(sessions))))]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.1)
    except BaseException:  # Ctrl-C: let every thread stop its server first
        stop.set()
        for thread in threads:
            thread.join()
        raise
    if problems:
        raise problems[0]
    return [result for index in range(len(sessions)) for result in played[index]]
