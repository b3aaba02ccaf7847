"""What the results of a folder are called: a name pattern, and no two results with one name."""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..hires.errors import InputError
from .folder_scan import Found, printable
from .write import EXTENSIONS, PictureFormat

TOKENS = ("name", "ext", "scale", "upscaler")
"""What a pattern may hold in braces: the picture's name without its ending, the ending, the factor (or the width and
height) asked for, the upscaler's name."""

_FORMAT_OF: dict[str, PictureFormat] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jfif": "jpeg",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
"""Formats by the input's ending; everything else becomes PNG."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Task:
    """A picture and where its result goes."""

    picture: Found

    format: PictureFormat

    target: Path

    renamed: bool = False
    """Whether the name got an addition, because another result has the pattern's name."""

    @property
    def streamed(self) -> Path:
        """Where the result goes if it is too large for the asked format: a TIFF that says what it should have been."""
        return self.target if self.format == "tiff" else self.target.with_name(self.target.name + ".tif")


def plan_names(
    pictures: Sequence[Found],
    folder: Path,
    pattern: str,
    values: Mapping[str, str],
    picture_format: PictureFormat | None,
) -> list[Task]:
    """Give every picture its place in the output folder, below the same folders as in the input.

    Results that would have one name, also where a disk takes capital and small letters for the same (a.png and a.jpg,
    a.png and A.png), get the picture's ending added, and where that is not enough, some letters made from its path.
    So a name depends on which names meet, never on their order.

    Args:
        pictures: from `find_pictures`.
        folder: of the results.
        pattern: with `TOKENS`, without an ending.
        values: of the tokens "scale" and "upscaler".
        picture_format: None keeps each picture's format where it can be written, else PNG.

    Raises:
        InputError: the pattern holds something else, would give all results one name, or leaves the folder.
    """
    check_pattern(pattern)

    def plan(picture: Found, addition: str = "") -> Task:
        chosen = picture_format or _FORMAT_OF.get(picture.path.suffix.lower(), "png")
        cleaned = {key: _FORBIDDEN.sub("_", value) for key, value in values.items()}
        name = pattern.format(name=picture.path.stem, ext=picture.path.suffix[1:], **cleaned) + addition
        return Task(picture, chosen, folder / picture.folder / f"{name}{EXTENSIONS[chosen]}", bool(addition))

    tasks = [plan(picture) for picture in pictures]
    for addition in (_ending, _mark):
        shared = Counter(claim for task in tasks for claim in _claims(task))
        tasks = [
            plan(task.picture, addition(task.picture)) if any(shared[claim] > 1 for claim in _claims(task)) else task
            for task in tasks
        ]
    return tasks


def check_pattern(pattern: str) -> None:
    """Refuse (InputError) a pattern that `plan_names` cannot use."""
    known = ", ".join(f"{{{token}}}" for token in TOKENS)
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(pattern)]
    except ValueError as error:
        raise InputError(f"the braces of '{pattern}' do not match. It may hold {known}.", "file_name") from error
    for name, spec, conversion in fields:
        if name is not None and (name not in TOKENS or spec or conversion):
            raise InputError(f"'{{{name}}}' in '{pattern}' is not known. It may hold {known}.", "file_name")
    if "name" not in [name for name, _, _ in fields]:
        raise InputError(
            f"'{pattern}' gives every result the same name. Put {{name}} into it, the name of the picture.", "file_name"
        )
    found = _FORBIDDEN.search(pattern)
    if found:
        raise InputError(
            f"'{pattern}' holds {found[0]!r}, which a file name cannot have everywhere. The folder is chosen by "
            "output_folder.",
            "file_name",
        )


def _claims(task: Task) -> set[str]:
    """The names that a task may write, as a disk sees them that does not tell capital letters from small ones."""
    return {unicodedata.normalize("NFC", str(path)).casefold() for path in (task.target, task.streamed)}


def _ending(picture: Found) -> str:
    return f"_{picture.path.suffix[1:]}"


def _mark(picture: Found) -> str:
    path = printable(picture.folder / picture.path.name).encode()
    return f"_{picture.path.suffix[1:]}_{hashlib.sha256(path).hexdigest()[:6]}"
