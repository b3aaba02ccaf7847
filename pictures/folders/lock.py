"""One job at a time for a folder, whichever server it runs on."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...hires.errors import InputError
from .scan import printable

log = logging.getLogger("hires-fix")

_BUSY = (errno.EACCES, errno.EDEADLK) if os.name == "nt" else (errno.EWOULDBLOCK, errno.EAGAIN)


@contextmanager
def only_job(folder: Path) -> Iterator[None]:
    """Keep other jobs out of a folder that results are written to. A job that dies, however, leaves no lock.

    The lock is the system's: on the folder itself, so that nothing is left in it; on Windows, which has none on
    folders, on a file of the temporary folder. Disks without locks are worked on without one. Raises InputError if
    another job works on it.
    """
    handle = _open(folder)
    try:
        if handle is not None and not _locked(handle):
            raise InputError(
                f"another job is writing to '{printable(folder.name)}' just now. Wait until it is done, or choose "
                "another folder.",
                "output_folder",
            )
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _open(folder: Path) -> int | None:
    try:
        if os.name != "nt":
            return os.open(folder, os.O_RDONLY)
        name = hashlib.sha256(os.path.normcase(os.path.realpath(folder)).encode("utf-8", "replace")).hexdigest()[:16]
        return os.open(Path(tempfile.gettempdir()) / f"hires-fix-{name}.lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        log.debug("'%s' is not locked: %s", folder, error)
        return None


def _locked(handle: int) -> bool:
    """Take the lock, unless somebody has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        log.debug("There are no locks on this disk: %s", error)
    return True
