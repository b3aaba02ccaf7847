"""Workers of Dask (the optional package `dask[distributed]`): processes of this machine, or of others."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future as FutureOf
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from . import dask_door, serving
from .entries import Entry
from .jobs import ModelFile, Plain, code_digest
from .models import MOST_BYTES
from .pool import PoolError, WorkLostError
from .serving import END_WITHIN, NEEDED, READY, WORKER, security

logger = logging.getLogger("hires-fix")

T = TypeVar("T")

_CONNECT = 5.0
"""Seconds until a scheduler that does not answer is given up."""

_GONE = 1.0
"""Seconds without a connection after which a scheduler counts as lost."""

_FRESH = 0.5
"""Seconds for which the list of workers is good: asking for it takes as long as handing something out."""

_GLANCE = 0.3
"""Seconds that the list is waited for."""

_SILENT = 5.0
"""Seconds without a sign of life, which there are two a second, after which a worker gets nothing more until it is
back. Dask itself waits for `worker-ttl`, in case that it only computes."""

_FROZEN = 60.0
"""The same of one that makes itself ready: what it loads may keep it busy."""

_HELLO, _HELLO_ALONE = 20.0, 2.0
"""Seconds in which all workers tell who they are, and one that is asked once more because not all did."""

_POLL = 0.1
"""Seconds between two looks at whether the job is cancelled."""

_MEETING, _SLOWEST = 30.0, 2**21
"""Seconds in which a worker finds its models or takes one; bytes a second that it reads or gets at least, on top."""

_FETCH = 60.0
"""Seconds that an answer may take on its way."""

_FETCHERS = 4
"""Answers that come at once."""

_CLOSING = 0.1
"""Seconds that a job waits for its workers' end; it goes on by itself."""

SETTINGS = {"distributed.comm.timeouts.connect": f"{_CONNECT} s", **serving.SETTINGS}


def open_pool(
    entry: Entry,
    folders: Sequence[str | Path],
    check: Callable[[], None] = lambda: None,
    comfyui: Sequence[str] = (),
) -> DaskPool:
    """Connect to a scheduler, or start processes.

    Args:
        folders: of models, for processes that are started.
        check: is called while workers are waited for before they have work; it may raise to cancel.
        comfyui: its folder and its arguments, for processes that are started and need one.

    Raises:
        PoolError: Dask is not installed, or nobody answers.
        BaseException: whatever the check raises.
    """
    try:
        from dask import config

        config.set(SETTINGS)  # before the rest is loaded, which then is as quiet as these say
        import distributed
    except ImportError as error:
        raise PoolError(
            f"'{entry.name}' needs a package that is not installed: run {NEEDED} with ComfyUI's Python, and start "
            "ComfyUI again."
        ) from error
    dask_door.open_door()
    started = Processes(entry, folders, check, comfyui) if entry.processes else None
    address = started.address if started else entry.scheduler
    connect = partial(distributed.Client, address, timeout=_CONNECT, set_as_default=False, security=security(entry))
    connecting = _begin(connect)
    try:
        _wait_for(connecting, check)
    except BaseException:
        connecting.add_done_callback(_close_client)
        if started is not None:
            started.close_later()
        raise
    try:
        client = connecting.result()
    except Exception as error:
        if started is not None:
            started.close()
        reason = next(iter(str(error).splitlines()), "no reason given")
        raise PoolError(
            f"'{entry.name}' does not answer at {address} ({type(error).__name__}: {reason}). Start a worker there "
            "(python worker.py --help), or choose other workers."
        ) from error
    return DaskPool(entry.name, client, started, check)


class Processes:
    """A scheduler and workers of this machine, in processes of their own; see `serving`. They end with this process."""

    def __init__(
        self, entry: Entry, folders: Sequence[str | Path], check: Callable[[], None], comfyui: Sequence[str] = ()
    ) -> None:
        """Raises PoolError where they do not start, and what the check raises; see `open_pool`."""
        command = [sys.executable, str(WORKER), "--serve", "tcp://127.0.0.1:0", "--while-open"]
        command += ["--workers", str(entry.processes), "--threads", str(entry.threads)]
        command += [word for folder in folders if Path(folder).is_dir() for word in ("--models", str(folder))]
        if comfyui:
            command += ["--comfyui", comfyui[0], "--", *comfyui[1:]]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        address = _begin(self._read)
        try:
            _wait_for(address, check)
        except BaseException:
            self.close_later()
            raise
        self.address = address.result()
        if not self.address:
            self.close()
            raise PoolError(f"the processes of '{entry.name}' did not start; ComfyUI's log says why.")

    def _read(self) -> str:
        """The address; nothing if there will be none."""
        assert self._process.stdout is not None
        lines = (line.strip() for line in self._process.stdout)
        return next((line.removeprefix(READY) for line in lines if line.startswith(READY)), "")

    def end(self) -> None:
        """Let them end; they do so by themselves."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        """Wait for their end."""
        self.end()
        try:
            self._process.wait(2 * END_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def close_later(self) -> None:
        """Let them end, without a wait."""
        self.end()
        _begin(self.close)


class DaskPool:
    """A `Pool` of the workers of a scheduler."""

    def __init__(
        self, name: str, client: Any, started: Processes | None = None, check: Callable[[], None] = lambda: None
    ) -> None:
        """`started`: what was started for it, and ends with it. `check`: see `open_pool`."""
        self.name = name
        self._client, self._started, self._check = client, started, check
        self._excluded: set[str] = set()
        self._who: dict[str, str] = {}
        """Addresses by the names that workers give themselves."""

        self._list: dict[str, Plain] = {}
        self._listed = -_FRESH
        self._heard: dict[str, tuple[float, float]] = {}
        """When each worker gave a sign of life: by the scheduler's clock, and when that was seen here."""

        self._fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="hires-fix")
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="hires-fix")
        self._look: FutureOf[Any] | None = None

    def meet(self, files: Sequence[ModelFile], paths: Sequence[Path]) -> list[str]:
        """See `Pool`. A model that a worker lacks is sent where that worker takes it."""
        self._wait_for_one()
        self._excluded.clear()
        remarks: list[str] = []
        needed = [{"name": file.name, "sha256": file.sha256, "size": file.size} for file in files]
        fitting = 0
        for address, hello in self._hellos().items():
            if hello is None:
                self._excluded.add(address)
                remarks.append(f"{address} is left out: it does not answer")
                continue
            who = f"{hello['machine']}:{hello['process']}"
            self._who[who] = address
            problem = self._problem(address, hello, needed, paths)
            if problem:
                self._excluded.add(address)
                remarks.append(f"{who} is left out: {problem}")
            else:
                fitting += 1
        if not fitting:
            raise PoolError(f"no worker of '{self.name}' can do this. " + "; ".join(remarks) + ".")
        return remarks

    def _hellos(self) -> dict[str, Plain | None]:
        """What each worker tells of itself, by address; None for one that is frozen."""
        try:
            return self._run("hello", within=_HELLO)
        except TimeoutError:
            hellos: dict[str, Plain | None] = {}
        for address in self._identity()["workers"]:
            try:
                hellos |= self._run("hello", workers=[address], within=_HELLO_ALONE)
            except TimeoutError:
                hellos[address] = None
        return hellos

    def _problem(self, address: str, hello: Plain, needed: Sequence[Plain], paths: Sequence[Path]) -> str:
        if hello["code"] != code_digest():
            return "it has another version of the pack; update both"
        within, doing = _MEETING + sum(file["size"] for file in needed) / _SLOWEST, "looked for models"
        try:
            missing = self._run("missing", needed, workers=[address], within=within)[address]
            for file, path in zip(needed, paths, strict=True):
                if file["sha256"] not in missing:
                    continue
                if not hello["fetches"] or file["size"] > MOST_BYTES:
                    return (
                        f"it has no model with the SHA-256 of '{file['name']}'; copy it to a folder of its --models, "
                        "or start it with --fetch"
                    )
                within, doing = _MEETING + file["size"] / _SLOWEST, f"was sent '{file['name']}'"
                self._run("take", file, path.read_bytes(), workers=[address], within=within)
        except TimeoutError:
            return f"it did not answer for {within:.0f} seconds while it {doing}"
        return ""

    def prepare(self, function: str, *arguments: Any, check: Callable[[], None]) -> list[str]:
        """See `Pool`."""
        self._workers()
        asked = [address for address in self._list if address not in self._excluded]
        tickets = {address: self._submit([address], function, *arguments) for address in asked}
        remarks: list[str] = []
        for address, ticket in tickets.items():
            while not (is_done := ticket.wait(_GLANCE)) and self._is_there(address):
                check()
            try:
                if not is_done:
                    raise WorkLostError("it ended, or froze, while it made itself ready")
                answer = ticket.result()
                who, problem = answer["who"], answer.get("refused", "")
            except PoolError:
                raise
            except Exception as error:  # whatever the function raised there, or the worker has ended
                ticket.cancel()
                is_lost = isinstance(error, WorkLostError)
                who, problem = address, "it has ended" if is_lost else f"{type(error).__name__}: {error}"
            if problem:
                self._excluded.add(address)
                remarks.append(f"{who} is left out: {problem}")
        if all(address in self._excluded for address in asked):
            raise PoolError(f"no worker of '{self.name}' can do this. " + "; ".join(remarks) + ".")
        return remarks

    def slots(self) -> int:
        return sum(worker["nthreads"] for worker in self._workers().values())

    def submit(self, function: str, *arguments: Any) -> _Ticket:
        awake = self._workers()
        usable = [address for address in self._list if address not in self._excluded]
        if self._list and not usable:
            raise PoolError(f"no worker of '{self.name}' is left.")
        return self._submit(None if len(awake) == len(self._list) else list(awake) or usable, function, *arguments)

    def _submit(self, workers: list[str] | None, function: str, *arguments: Any) -> _Ticket:
        try:
            future = self._client.submit(
                dask_door.call, function, *arguments, key=f"hires-fix-{uuid.uuid4().hex}", pure=False, workers=workers
            )
        except Exception as error:
            raise self._lost() from error
        return _Ticket(self, future)

    def exclude(self, who: str) -> None:
        if who in self._who:
            self._excluded.add(self._who[who])

    def close(self) -> None:
        """See `Pool`; returns when that is begun, for nobody has to wait until processes have ended."""
        closing = threading.Thread(target=self._close, name="hires-fix closes workers", daemon=True)
        closing.start()
        closing.join(_CLOSING)

    def _close(self) -> None:
        if self._started is not None:
            self._started.end()
        try:
            self._client.close(timeout=_GONE)
        except Exception as error:  # whatever was the matter with it, it is not needed any more
            logger.info("Workers of '%s' were not told that the job is over: %s", self.name, error)
        for threads in (self._fetchers, self._looks):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._started is not None:
            self._started.close()

    def check(self) -> None:
        """Raises PoolError where the scheduler is gone for more than a moment."""
        until = time.monotonic() + _GONE
        while self._client.status != "running":
            if time.monotonic() > until:
                raise self._lost()
            time.sleep(0.05)

    def _workers(self) -> dict[str, Plain]:
        """Those that work can be given to. Never waits for a scheduler that is silent: its workers are then, too."""
        self.check()
        if self._look is None and time.monotonic() - self._listed >= _FRESH:
            self._look = self._looks.submit(self._identity)
            wait_for([self._look], _GLANCE)
        now = time.monotonic()
        if self._look is not None and self._look.done():
            look, self._look = self._look, None
            try:
                self._list = look.result()["workers"]
            except Exception as error:
                raise self._lost() from error
            self._listed = now
            for address, worker in self._list.items():
                if self._heard.get(address, (None, now))[0] != worker["last_seen"]:
                    self._heard[address] = worker["last_seen"], now
        silent = {address for address in self._list if self._silence(address) > _SILENT}
        return {key: worker for key, worker in self._list.items() if key not in silent | self._excluded}

    def _identity(self) -> dict[str, Any]:
        # not its scheduler_info, which a look of its own may empty meanwhile
        return self._client.sync(self._client.scheduler.identity, n_workers=-1)

    def _is_there(self, address: str) -> bool:
        self._workers()
        return address in self._list and self._silence(address) <= _FROZEN

    def _silence(self, address: str) -> float:
        """Seconds since a worker of the list gave a sign of life."""
        return time.monotonic() - self._heard[address][1]

    def _wait_for_one(self) -> None:
        there = _begin(partial(self._client.wait_for_workers, 1, timeout=_CONNECT))
        _wait_for(there, self._check)
        try:
            there.result()
        except Exception as error:
            raise PoolError(f"'{self.name}' has no workers. Start one (python worker.py --help).") from error

    def _run(
        self, function: str, *arguments: Any, workers: list[str] | None = None, within: float | None = None
    ) -> dict[str, Any]:
        """Call a function of each of these workers, beside what they do. Raises TimeoutError after `within` seconds,
        and what the pool's check raises."""
        run = partial(self._client.run, dask_door.call, function, *arguments, workers=workers, callback_timeout=within)
        asked = _begin(run)
        _wait_for(asked, self._check)
        try:
            return asked.result()
        except Exception as error:
            if within is not None and isinstance(error, TimeoutError):
                raise
            raise PoolError(f"the workers of '{self.name}' do not answer ({type(error).__name__}: {error}).") from error

    def _lost(self) -> PoolError:
        return PoolError(f"the scheduler of '{self.name}' is gone.")


def _begin(function: Callable[[], T]) -> FutureOf[T]:
    """Call a function in a thread that nobody has to wait for."""
    future = FutureOf[T]()

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="hires-fix", daemon=True).start()
    return future


def _close_client(connected: FutureOf[Any]) -> None:
    if connected.exception() is None:
        connected.result().close(timeout=_GONE)


def _wait_for(future: FutureOf[Any], check: Callable[[], None]) -> None:
    """Wait for what another thread does. Raises what the check does."""
    while not wait_for([future], _POLL).done:
        check()


class _Ticket:
    """An answer is fetched as soon as it is there: it is not lost with its worker then, nor waited for later."""

    def __init__(self, pool: DaskPool, future: Any) -> None:
        self._pool, self._future, self._done = pool, future, threading.Event()
        self._answer: Any = None
        self._error: Exception | None = None
        future.add_done_callback(self._fetch_later)

    def wait(self, seconds: float) -> bool:
        # one whose scheduler is gone would wait for ever: its result says so
        return self._done.wait(seconds) or self._pool._client.status != "running"

    def result(self) -> Any:
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        if not self._done.is_set():
            self._pool.check()
            raise WorkLostError("an answer was lost")
        if isinstance(self._error, KilledWorker):
            raise WorkLostError("a piece of work ended every worker that had it") from self._error
        if isinstance(self._error, TimeoutError):
            raise WorkLostError("an answer did not come") from self._error
        if isinstance(self._error, (FutureCancelledError, OSError)):
            raise self._pool._lost() from self._error
        if self._error is not None:
            raise self._error
        if isinstance(self._answer, dict) and "at" in self._answer:
            self._pool._who[self._answer["who"]] = self._answer["at"]
        return self._answer

    def cancel(self) -> None:
        try:
            self._future.cancel()
        except Exception as error:  # the scheduler is gone, and with it what ran
            logger.debug("Nothing to cancel: %s", error)

    def _fetch_later(self, future: Any) -> None:
        try:
            self._pool._fetchers.submit(self._fetch)
        except RuntimeError:  # the job is over
            self._done.set()

    def _fetch(self) -> None:
        try:
            self._answer = self._future.result(timeout=_FETCH)
            self._future.release()  # the worker need not keep it
        except Exception as error:
            self._error = error
        self._done.set()
