"""Pictures of requests in the host's temp folder, for as long as a job needs them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import folder_paths
from PIL import Image

from ...sdapi.errors import failed
from ...sdapi.generate.asked import Asked
from ...sdapi.generate.graph import Control
from ...sdapi.generate.house import House
from ...sdapi.generate.pictures import decoded, plain
from ...sdapi.generate.placing import flattened, resized
from ...sdapi.generate.scripts import units_of

_lock = threading.Lock()
_in_use: Counter[Path] = Counter()


class Given:
    """The pictures of one job."""

    def __init__(self) -> None:
        self._files: list[Path] = []

    def put(self, picture: Image.Image) -> str:
        """Write a picture, complete or not at all; returns what Load Image (16-bit, ICC) calls it.

        The name tells the contents: the same picture is one file, however many jobs have it, and the host's cache knows
        it again. Not for the event loop.
        """
        encoded = io.BytesIO()
        picture.save(encoded, "PNG", compress_level=1)
        name = f"hires-fix-api-{hashlib.sha256(encoded.getvalue()).hexdigest()}.png"
        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        with _lock:
            _in_use[path] += 1
            self._files.append(path)
            if not path.is_file():
                unfinished = path.with_suffix(".part")
                unfinished.write_bytes(encoded.getvalue())
                unfinished.replace(path)
        return f"{name} [temp]"

    def clear(self) -> None:
        """Remove those that no other job has."""
        with _lock:
            for path in self._files:
                _in_use[path] -= 1
                if _in_use[path] <= 0:
                    del _in_use[path]
                    path.unlink(missing_ok=True)
            self._files.clear()


@contextlib.contextmanager
def given() -> Iterator[Given]:
    """Pictures that are removed at the end of the block."""
    found = Given()
    try:
        yield found
    finally:
        found.clear()


def controls_of(
    asked: Asked[Any], house: House, kept: Given, instead: Image.Image | None = None
) -> tuple[Control, ...]:
    """The ControlNets of a request, with their pictures at the size of the job. Not for the event loop.

    `instead`: used by those that bring no picture. Raises ApiError.
    """
    found = []
    for unit in units_of(asked.request):
        file = house.controlnet(unit.model)
        if file is None:
            raise failed("RuntimeError", f"There is no ControlNet {unit.model!r} in models/controlnet.")
        picture = plain(decoded(unit.picture)) if unit.picture else instead
        if picture is None:
            raise failed("ValueError", f"The ControlNet {unit.model!r} brings no picture: send one as its 'image'.")
        ready = resized(flattened(picture, "#000000"), unit.resize_mode, asked.size)
        found.append(Control(file, kept.put(ready), unit.weight, unit.start, unit.end))
    return tuple(found)
