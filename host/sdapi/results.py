"""Pictures that the host has drawn: read, kept if the client wants that, and packed into a reply."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import folder_paths
from PIL import Image

from ...pictures import PARAMETERS
from ...pictures.write import complete_or_absent
from ...sdapi.errors import failed
from ...sdapi.generate.asked import Asked
from ...sdapi.generate.house import House
from ...sdapi.generate.pictures import ENDINGS, encoded, grid
from ...sdapi.generate.requests import Generation
from ...sdapi.generate.texts import Told, echo, info, infotexts
from .jobs import Ended

_GRAPHS = ("prompt", "workflow")
"""ComfyUI's texts: what the editor opens."""

_FOLDER = "a1111-api"
"""In the output folder."""

_MOST_SHOWN = 100
"""Pictures in the temp folder: a server that draws for months must not fill the disk."""

_shown: deque[Path] = deque()
_files = threading.Lock()


@dataclass
class Drawn:
    """What came out of a job so far."""

    pictures: list[Image.Image] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Of each picture: its number among all that were asked for."""

    def add(self, pictures: Sequence[Image.Image], first: int) -> None:
        self.pictures += pictures
        self.places += range(first, first + len(pictures))


def pictures_of(ended: Ended) -> list[Image.Image]:
    """The pictures of a graph that has ended, with the texts of their files. Raises ApiError."""
    found = []
    for file in ended.pictures:
        folder = folder_paths.get_directory_by_type(file["type"])
        path = Path(folder or "") / file["subfolder"] / file["filename"]
        try:
            with Image.open(path) as opened:
                opened.load()
                found.append(opened)
        except OSError as error:
            raise failed("OSError", f"A picture that was drawn cannot be read again: {error}") from error
        _remove_older(path)
    return found


def _remove_older(path: Path) -> None:
    """Count a file of the host's temp folder; those are removed that the host's history shows no longer at its top."""
    with _files:
        _shown.append(path)
        while len(_shown) > _MOST_SHOWN:
            with contextlib.suppress(OSError):  # somebody may look at it
                _shown.popleft().unlink()


def graphs_in(picture: Image.Image) -> dict[str, str]:
    """ComfyUI's texts in a picture."""
    return {key: picture.info[key] for key in _GRAPHS if isinstance(picture.info.get(key), str)}


def form_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures of replies are encoded."""
    return {
        "form": str(options["samples_format"]).lower(),
        "quality": max(0, min(int(options["jpeg_quality"]), 100)),
        "lossless": bool(options["webp_lossless"]),
    }


def reply(
    name: str,
    asked: Asked[Any],
    here: House,
    drawn: Drawn,
    told: Told,
    texts: Sequence[str] | None = None,
    inside: Sequence[str] = (),
    of_script: bool = False,
    **changed: Any,
) -> dict[str, Any]:
    """The reply of txt2img and img2img; keeps the pictures if the request says so.

    Args:
        name: of the kind, for the files.
        texts: of every picture, where a script has others.
        inside: what a script writes into them; by default nothing.
        of_script: a script made them: several have one with all before them.
        changed: keys of `info` that a script has otherwise.
    """
    every = infotexts(asked, here, told)
    shown = list(texts) if texts is not None else [every[place] for place in drawn.places]
    pictures, graphs, first = list(drawn.pictures), [graphs_in(picture) for picture in drawn.pictures], 0
    request: Generation = asked.request
    form = form_of(asked.options)
    keeps_sheet = bool(request.save_images and not request.do_not_save_grid and asked.options["return_grid"])
    has_sheet = len(pictures) > 1 and (keeps_sheet or of_script) and bool(asked.options["return_grid"])
    written = [{PARAMETERS: text} for text in (inside if of_script else shown)] or [{} for _ in pictures]
    if has_sheet:
        pictures, graphs = [grid(pictures, 1 if of_script else None), *pictures], [{}, *graphs]
        written = [{} if of_script else written[0], *written]
        shown = [shown[0], *shown]
        first = 0 if of_script else 1
    files = [
        encoded(picture, {**text, **graph}, **form)
        for picture, text, graph in zip(pictures, written, graphs, strict=True)
    ]
    if request.save_images:
        for number, file in enumerate(files):
            is_sheet = has_sheet and number == 0
            if keeps_sheet if is_sheet else not request.do_not_save_samples:
                keep(file, f"{_FOLDER}/{name}-grid" if is_sheet else f"{_FOLDER}/{name}", form["form"])
    images = [base64.b64encode(file).decode("ascii") for file in files] if request.send_images else []
    return {"images": images, "parameters": echo(request), "info": info(asked, here, told, shown, first, **changed)}


def keep(file: bytes, prefix: str, form: str) -> None:
    """Write a file into the output folder, under the next name that is free; it is complete or absent.

    Raises ApiError if it cannot be written.
    """
    try:
        with _files:  # several jobs may look for a name at once
            folder, stem, counter, _, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
            while (path := Path(folder) / f"{stem}_{counter:05}_.{ENDINGS.get(form, form)}").exists():
                counter += 1
            with complete_or_absent(path) as opened:
                opened.write(file)
    except OSError as error:
        raise failed("OSError", f"The picture cannot be saved in the output folder: {error}.") from error
