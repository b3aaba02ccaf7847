"""Generated files: written when they are missing or when the code that makes them has changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path


def write_once(stamp: Path, sources: Iterable[Path], write: Callable[[], None]) -> bool:
    """Call `write` unless `stamp` shows that it was done with these very `sources`. Returns whether it was called.

    The stamp is written last and in one step, so a killed run is repeated.
    """
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    key = digest.hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return False
    stamp.parent.mkdir(parents=True, exist_ok=True)
    write()
    temporary = stamp.with_name(f"{stamp.name}.{os.getpid()}.tmp")
    temporary.write_text(key, encoding="utf-8")
    os.replace(temporary, stamp)
    return True
