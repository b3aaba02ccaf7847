"""The weights that come with the pack, and whether a file of theirs is still what was shipped."""

from __future__ import annotations

import hashlib
from pathlib import Path

WEIGHTS = Path(__file__).absolute().parent / "weights"
"""Files of weights, their licences and `SHA256SUMS`."""


def checksums() -> dict[str, str]:
    """SHA-256 of each shipped file, by its name."""
    lines = (WEIGHTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def is_damaged(path: Path) -> bool:
    """Whether this is one of the shipped files, in its place, and has other bytes than were shipped."""
    if path.absolute().parent != WEIGHTS:
        return False
    shipped = checksums().get(path.name)
    return shipped is not None and hashlib.sha256(path.read_bytes()).hexdigest() != shipped
