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

from ...hires.infotext.from_graph.controls import ControlUnit, control_parameters
from ...hires.sizes.image_sizes import target_size
from ...pictures.write import complete_or_absent
from ...sdapi.errors import failed
from ...sdapi.generate.asked import Asked
from ...sdapi.generate.graph import Control
from ...sdapi.generate.house import House
from ...sdapi.generate.masking import Box
from ...sdapi.generate.pictures import decoded, plain
from ...sdapi.generate.placing import flattened, resized
from ...sdapi.generate.scripts import RESIZE_MODES, Unit, units_of
from .lists.model_lists import controlnet_hash

_lock = threading.Lock()
_in_use: Counter[Path] = Counter()


class Given:
    """The pictures of one job."""

    def __init__(self) -> None:
        self._files: list[Path] = []

    def put(self, picture: Image.Image) -> str:
        """Write a picture, complete or not at all; returns what Load Image (16-bit, ICC) calls it.

        The name tells the contents: the same picture is one file, however many jobs have it, and the host's cache knows
        it again. Not for the event loop. Raises ApiError if it cannot be written.
        """
        encoded = io.BytesIO()
        picture.save(encoded, "PNG", compress_level=1)
        name = f"hires-fix-api-{hashlib.sha256(encoded.getvalue()).hexdigest()}.png"
        folder = Path(folder_paths.get_temp_directory())
        path = folder / name
        with _lock:
            _in_use[path] += 1
            self._files.append(path)
            if not path.is_file():
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    with complete_or_absent(path) as opened:
                        opened.write(encoded.getvalue())
                except OSError as error:
                    raise failed("OSError", f"A sent picture cannot be kept in the temp folder: {error}.") from error
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
    asked: Asked[Any], house: House, kept: Given, instead: Image.Image | None = None, part: Box | None = None
) -> tuple[tuple[Control, ...], dict[str, str]]:
    """The ControlNets of a request, with their pictures at the size of each pass; and what the text tells of them.

    Not for the event loop. Raises ApiError.

    Args:
        instead: used by those that bring no picture.
        part: of that picture, which is drawn alone: pictures of ControlNets lie over all of it.
    """
    found, told = [], []
    sizes: list[tuple[int, int] | None] = [asked.size, _hires_size(asked)]
    for unit in units_of(asked.request):
        file = house.controlnet(unit.model)
        if file is None:
            raise failed("RuntimeError", f"There is no ControlNet {unit.model!r} in models/controlnet.")
        picture = plain(decoded(unit.picture)) if unit.picture else instead
        if picture is None:
            raise failed("ValueError", f"The ControlNet {unit.model!r} brings no picture: send one as its 'image'.")
        picture = flattened(picture, "#000000")
        if part and instead:
            picture = resized(picture, unit.resize_mode, instead.size).crop(part)
        names = [
            kept.put(resized(picture, unit.resize_mode, size)) if size and works else None
            for size, works in zip(sizes, unit.passes, strict=True)
        ]
        found.append(Control(file, names[0], unit.weight, unit.start, unit.end, names[1]))
        told.append(_told(file, unit))
    return tuple(found), {one.key: one.value for one in control_parameters(told, controlnet_hash)}


def _hires_size(asked: Asked[Any]) -> tuple[int, int] | None:
    hires = asked.settings.hires
    if hires is None:
        return None
    return target_size(*asked.sides, float(hires.hr_scale), hires.hr_resize_x, hires.hr_resize_y).size


def _told(file: str, unit: Unit) -> ControlUnit:
    mode = next(name for name, number in RESIZE_MODES.items() if number == unit.resize_mode)
    return ControlUnit(file, unit.weight, unit.start, unit.end, unit.hr_option, mode)
