"""What the results of a folder are called: a name pattern, and no two results with one name."""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...hires.errors import InputError
from ..base.file_names import check_encodable, fitting
from ..write import EXTENSIONS, PictureFormat
from .scan import FolderPicture, folded

TOKENS = ("name", "ext", "scale", "upscaler")
"""What a pattern may hold in braces: the picture's name without its ending, the ending, the factor (or the width and
height) asked for, the upscaler's name."""

_FORMAT_OF: dict[str, PictureFormat] = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "jpeg"),
    **{".webp": "webp", ".tif": "tiff", ".tiff": "tiff"},
}
"""Formats by the input's ending; everything else becomes PNG."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_NUMBERED = re.compile(r"_\d+((?:\.\w+){1,2})$")
_FEWEST_DIGITS = 3


@dataclass(frozen=True)
class Task:
    """A picture and where its result goes."""

    picture: FolderPicture
    format: PictureFormat
    target: Path
    renamed: bool = False
    """Whether the name is not what the pattern makes: another result has that one, or it is too long for a disk."""
    before_number: str = ""
    """What the names of numbered results have besides, so that no other picture's result has one of them."""

    @property
    def streamed(self) -> Path:
        """Where the result goes if it is too large for the asked format: a TIFF that says what it should have been."""
        return self.target if self.format == "tiff" else self.target.with_name(fitting(self.target.name, ".tif"))

    def part(self, index: int, count: int) -> Task:
        """Return the task of one of a file's several pictures, whose result is a file of its own: from 0 on."""
        ending = EXTENSIONS[self.format]
        number = f"_{index + 1:0{max(_FEWEST_DIGITS, len(str(count)))}}"
        name = fitting(self.target.name.removesuffix(ending) + self.before_number, number + ending)
        return replace(self, target=self.target.with_name(name))


def plan_names(
    pictures: Sequence[FolderPicture],
    folder: Path,
    pattern: str,
    values: Mapping[str, str],
    picture_format: PictureFormat | None,
) -> list[Task]:
    """Give every picture its place in the output folder, below the same folders as in the input.

    Results that would have one name, also where a disk takes capital and small letters for the same (a.png and a.jpg,
    a.png and A.png), get the picture's ending added, and where that is not enough, some letters made from its path.
    Names that are too long for a disk are shortened. So a name depends on which names meet, never on their order.

    Args:
        pictures: from `find_pictures`.
        folder: of the results.
        pattern: with `TOKENS`, without an ending; see `check_pattern`.
        values: of the tokens "scale" and "upscaler".
        picture_format: None keeps each picture's format where it can be written, else PNG.
    """
    check_pattern(pattern)

    def plan(picture: FolderPicture, addition: str = "") -> Task:
        chosen = picture_format or _FORMAT_OF.get(picture.path.suffix.lower(), "png")
        cleaned = {key: _FORBIDDEN.sub("_", value) for key, value in values.items()}
        stem = pattern.format(name=picture.path.stem, ext=picture.path.suffix[1:], **cleaned) + addition
        name = fitting(stem, EXTENSIONS[chosen])
        renamed = bool(addition) or name != stem + EXTENSIONS[chosen]
        return Task(picture, chosen, folder / picture.folder / name, renamed)

    tasks = [plan(picture) for picture in pictures]
    for addition in (lambda picture: f"_{picture.path.suffix[1:]}", _mark):
        shared = Counter(claim for task in tasks for claim in _claims(task))
        tasks = [
            plan(task.picture, addition(task.picture)) if any(shared[claim] > 1 for claim in _claims(task)) else task
            for task in tasks
        ]
    taken = {_NUMBERED.sub(r"_#\1", claim) for task in tasks for claim in _claims(task)}
    return [
        replace(task, before_number=_mark(task.picture)) if _numbered_claim(task) in taken else task for task in tasks
    ]


def check_pattern(pattern: str) -> None:
    """Refuse (InputError) a pattern with other tokens, with one name for all results, or that leaves the folder."""
    known = ", ".join(f"{{{token}}}" for token in TOKENS)
    check_encodable(pattern, "file_name")
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
    forbidden = _FORBIDDEN.search(pattern)
    if forbidden:
        raise InputError(
            f"'{pattern}' holds {forbidden[0]!r}, which a file name cannot have everywhere. The folder is chosen by "
            "output_folder.",
            "file_name",
        )


def _claims(task: Task) -> set[str]:
    """The names that a task may write, as a disk sees them that does not tell capital letters from small ones."""
    return {folded(str(path)) for path in (task.target, task.streamed)}


def _numbered_claim(task: Task) -> str:
    """The names of numbered results, in which # stands for the number."""
    ending = EXTENSIONS[task.format]
    return folded(str(task.target.with_name(f"{task.target.name.removesuffix(ending)}_#{ending}")))


def _mark(picture: FolderPicture) -> str:
    return f"_{picture.path.suffix[1:]}_{hashlib.sha256(picture.label.encode()).hexdigest()[:6]}"
