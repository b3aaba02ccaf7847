"""What is done to every picture of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...hires.sizes.image_sizes import Size
from ...pictures import Picture
from ...pictures.folders.names import Task
from ...pictures.source import Source


class OnProgress(Protocol):
    """Hears which part of a picture is done, 0 to 1, and may get a preview as the host's progress bars take it.

    May raise to cancel.
    """

    def __call__(self, part: float, preview: Any = None) -> None: ...


@dataclass(frozen=True)
class FileSettings:
    """How results are written."""

    depth: int
    """8 or 16 bits a channel where the format has a choice; 0 keeps the picture's."""

    quality: int
    """Of JPEG and WebP, 1 to 100."""

    overwrite: bool


class FileWork(Protocol):
    """One kind of work on picture files."""

    @property
    def done(self) -> str:
        """What a picture then is: "upscaled"."""
        ...

    @property
    def words(self) -> dict[str, str]:
        """What the names of results may say of it, see `plan_names`."""
        ...

    def size(self, source: Size) -> Size:
        """Return the size of the result of a picture. Raises InputError for one that cannot be made."""
        ...

    def is_too_large(self, source: Size, channels: int) -> bool:
        """Whether the result of such a picture has to be written piece by piece."""
        ...

    def to_file(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Path:
        """Make the result of an open picture; what was begun before is gone on with. Returns where it is.

        Raises:
            InputError: the picture cannot be read, worked on or written.
            OSError: the disk does not take it.
        """
        ...

    def picture(self, source: Source, task: Task, settings: FileSettings, on_progress: OnProgress) -> Picture:
        """Make the result of an open picture in memory: one of several in a file, whose `task.part` it is.

        Raises:
            InputError: that is not possible.
        """
        ...

    def remark(self) -> str:
        """Return what there is to say of what was made since the last call; nothing where it is as always."""
        ...

    def tidy(self, task: Task) -> None:
        """Remove what is left of the making of a finished result, also by a job that was killed at its very end."""
        ...


class Crew(Protocol):
    """Others who work on the pictures of a folder."""

    def results(self, tasks: Iterable[tuple[int, Task]]) -> Iterator[tuple[int, Task, Callable[[], Path] | None]]:
        """Hand the tasks out and yield them in their order, each with what writes its result, or None: it has to be
        made here."""
        ...

    def text(self) -> list[str]:
        """What they did, in lines for the report."""
        ...
