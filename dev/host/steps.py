"""Steps that are done once: stamps, atomic folders, a lock, and subprocesses whose noise stays hidden.

Standard library only: this runs before any environment exists.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


class PreparationError(Exception):
    """Something the reader can act on. The message is the whole explanation; no traceback is needed."""


def fingerprint(*parts: str) -> str:
    """Hex digest of what a step depends on."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_done(stamp: Path, key: str) -> bool:
    """Whether the step that owns `stamp` was finished for exactly this `key`."""
    try:
        return stamp.read_text(encoding="utf-8").strip() == key
    except FileNotFoundError:
        return False


def mark_done(stamp: Path, key: str) -> None:
    """Write the stamp in one step, so that a killed run leaves none rather than half of one."""
    temporary = stamp.with_name(f"{stamp.name}.{os.getpid()}.tmp")
    temporary.write_text(key + "\n", encoding="utf-8")
    os.replace(temporary, stamp)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold `path` as a lock, so that two processes started together do not make the same files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        try:
            import fcntl
        except ImportError:  # Windows: running two first starts at once is not guarded there
            yield
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another process is making the same files; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def disk_errors_explained(folder: Path, needed: str) -> Iterator[None]:
    """Turn "no space left" into a sentence that says where and how much is needed."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PreparationError(f"The disk that holds {folder} is full; this step needs {needed}.") from problem
        raise


def say(text: str) -> None:
    """One line of progress."""
    print(f"[environment] {text}", flush=True)


class Ticker:
    """A line about a long step: redrawn in place on a terminal, repeated every 10 seconds elsewhere."""

    def __init__(self, label: str) -> None:
        self._label, self._live = label, sys.stdout.isatty()
        self._started = self._shown = time.monotonic()

    def show(self, detail: str) -> None:
        """Show `detail` if it is time to."""
        now = time.monotonic()
        if self._live:
            print(f"\r\033[K[environment] {self._text(detail)}", end="", flush=True)
        elif now - self._shown >= 10:
            self._shown = now
            say(self._text(detail))

    def finish(self, detail: str) -> None:
        """Leave the final line behind."""
        if self._live:
            print("\r\033[K", end="")
        say(self._text(detail))

    def _text(self, detail: str) -> str:
        return f"{self._label}: {detail}, {int(time.monotonic() - self._started)} s"


def run_quietly(
    command: Sequence[str | Path], label: str, describe: Callable[[str], str | None], env: dict[str, str] | None = None
) -> str:
    """Run `command`, show progress instead of its output, and return the end of what it printed.

    `describe` gets each output line and returns a new short progress text, or None to keep the old one.
    Raises `subprocess.CalledProcessError` (output = the last 60 lines) when it fails.
    """
    ticker, detail = Ticker(label), "starting"
    tail: deque[str] = deque(maxlen=60)
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    words = [str(part) for part in command]
    process = subprocess.Popen(words, encoding="utf-8", errors="replace", env=env, **streams)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() and not line.startswith("WARNING: Location"):
                tail.append(line.rstrip())
            detail = describe(line) or detail
            ticker.show(detail)
        process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        ticker.finish("failed")
        raise subprocess.CalledProcessError(process.returncode, list(command), "\n".join(tail))
    ticker.finish("done")
    return "\n".join(tail)
