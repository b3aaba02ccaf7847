"""One server and the exchanges that were made with it, in their order."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...host.comfyui_host import ComfyUIHost
from ..cases import CaseError, extra_model_files, extra_models
from .caller import Reply, call, send
from .compare import Comparison, compare, depends_on_the_moment
from .differences import difference_of
from .exchanges import Exchange
from .polls import Poll, polls_apart
from .report import Result

TIMEOUT = 600.0
"""Seconds that a request may take."""

_USERS = "user:secret,other:pw"
_BROKEN = "tiny_compact_x2.safetensors"
_START = 600.0
"""Seconds that a server may take to start."""

_POLL = 0.02
_PROGRESS = "/sdapi/v1/progress?skip_current_image=true"
_HEADERS = {"Accept": "*/*"}


class Session:
    """A real host with the recorded models, the extra ones beside the exchanges, and what the session's server had."""

    def __init__(self, exchanges: Sequence[Exchange], models: dict[str, list[Path]]) -> None:
        self.exchanges = list(exchanges)
        self.name = self.exchanges[0].session
        self.port = _free_port()
        env = {"OMP_NUM_THREADS": "1", "HIRES_FIX_API_PORT": str(self.port)}
        if "auth" in self.name:
            env["HIRES_FIX_API_AUTH"] = _USERS
        self.host = ComfyUIHost(models=self._models(models), arguments=["--cpu"], env=env, start_timeout=_START)
        self.told: dict[str, list[Poll]] = {}
        """What progress told while a run was drawn, by its id."""
        self._furnish()

    def _models(self, models: dict[str, list[Path]]) -> dict[str, list[Path]]:
        found = {**models, **extra_model_files(self.exchanges[0].folder.parent)}
        found.pop("LDSR", None)  # which the recorded server had not
        if "broken" in self.name:
            kept = [file for file in found["upscale_models"] if file.name != _BROKEN]
            found["upscale_models"] = kept
        return found

    def _furnish(self) -> None:
        folder = self.host.base / "models"
        (folder / "upscale_models").mkdir(parents=True, exist_ok=True)
        extra = extra_models(self.exchanges[0].folder.parent)
        if extra and (extra / "styles.csv").is_file():
            (folder / "styles.csv").write_bytes((extra / "styles.csv").read_bytes())
        if "broken" in self.name:
            (folder / "upscale_models" / _BROKEN).write_bytes(b"no weights")

    def play(self, say: Callable[[Result], None], stop: threading.Event) -> list[Result]:
        """Send everything, in order, until `stop` is set."""
        results: dict[str, Result] = {}

        def judge(exchange: Exchange, reply: Reply, seconds: float) -> None:
            results[exchange.id] = _judged(exchange, reply, seconds, self.told.get(exchange.id, ()))
            say(results[exchange.id])

        with self.host:
            for exchange in self.exchanges:
                if exchange.id in results or stop.is_set():
                    continue
                inside = [other for other in self.exchanges if other.during == exchange.id]
                if inside or exchange.polls:
                    self._play_run(exchange, inside, judge)
                else:
                    judge(exchange, *self._timed(exchange))
                if not self.host.alive:
                    raise CaseError(f"The server ended at {exchange.id}:\n{self.host.log_tail()}")
        return [results[exchange.id] for exchange in self.exchanges if exchange.id in results]

    def _timed(self, exchange: Exchange) -> tuple[Reply, float]:
        started = time.monotonic()
        reply = send(self.port, exchange, TIMEOUT)
        return reply, time.monotonic() - started

    def _play_run(
        self, run: Exchange, inside: Sequence[Exchange], judge: Callable[[Exchange, Reply, float], None]
    ) -> None:
        found: list[tuple[Reply, float]] = []
        thread = threading.Thread(target=lambda: found.append(self._timed(run)), daemon=True)
        thread.start()
        for exchange in inside:
            self._wait_for(_step_of(exchange, run), thread)
            judge(exchange, *self._timed(exchange))
        seen: list[Poll] = []
        while run.polls and thread.is_alive():
            self._look(seen)
        thread.join()
        self.told[run.id] = seen
        judge(run, *found[0])

    def _look(self, seen: list[Poll]) -> None:
        """Ask for the progress, and keep it if it has changed."""
        content = call(self.port, "GET", _PROGRESS, None, _HEADERS, TIMEOUT).content
        if isinstance(content, dict) and content.get("state") and content["state"] != (seen or [{}])[-1].get("state"):
            seen.append(content)
        time.sleep(_POLL)

    def _wait_for(self, step: int, run: threading.Thread) -> None:
        """Until the job that runs has made so many steps."""
        while run.is_alive():
            content = call(self.port, "GET", _PROGRESS, None, _HEADERS, TIMEOUT).content
            state = content.get("state", {}) if isinstance(content, dict) else {}
            if state.get("job_count") and state.get("sampling_step", 0) >= step:
                return
            time.sleep(_POLL)


def _step_of(exchange: Exchange, run: Exchange) -> int:
    """The step at which a request was sent into a run; of those that nobody noted, an early one."""
    reply = exchange.reply if isinstance(exchange.reply, dict) else {}
    state = reply.get("state")
    if isinstance(state, dict):
        return int(state.get("sampling_step", 1))
    return 2


def _judged(exchange: Exchange, reply: Reply, seconds: float, told: Sequence[Poll] = ()) -> Result:
    """`told`: what progress told while it ran."""
    try:
        found = compare(exchange, reply)
        if not depends_on_the_moment(exchange):
            found.problems += polls_apart(exchange.polls, told)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
        # a reply of a form that nobody foresaw is not the end of all others
        found = Comparison([f"cannot be compared: {type(problem).__name__}: {problem}"])
    on_purpose = difference_of(exchange, reply) if found.problems else None
    return Result(exchange, reply.status, found, on_purpose, seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
