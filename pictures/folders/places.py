"""Where the editor finds results of a folder's job."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

_MOST, _LARGEST = 8, 20 * 2**20
"""Pictures, and bytes of each: a browser has to load them."""

_KNOWN = (".png", ".jpg", ".jpeg", ".webp")
"""What browsers show."""


def places(results: Iterable[Path], output: Path) -> list[dict[str, str]]:
    """The first few of these files that lie in the output folder and that a browser can show, as the host names them.

    Files that are gone, cannot be looked at or have names that no address can hold are left out.
    """
    output = output.resolve()
    return list(islice(filter(None, (_place(path, output) for path in results)), _MOST))


def _place(path: Path, output: Path) -> dict[str, str] | None:
    try:
        path = path.resolve()
        if not path.is_relative_to(output) or path.suffix.lower() not in _KNOWN or path.stat().st_size > _LARGEST:
            return None
        inside = path.parent.relative_to(output)
        str(path).encode()
    except (OSError, UnicodeEncodeError):
        return None
    return {"filename": path.name, "subfolder": "/".join(inside.parts), "type": "output"}
