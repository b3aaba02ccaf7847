"""Writing a picture of any size to a file piece by piece, in a way that survives being killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...hires.errors import InputError
from ..base.errors import PictureError
from ..formats.tiff.write import TiffLayout, TiffSink
from .journal import Journal
from .pieces import Marks, Piece, cut


def stream_picture(
    target: Path,
    layout: TiffLayout,
    job: Mapping[str, Any],
    make: Callable[[Marks], Iterator[Piece]],
    corner: tuple[int, int] = (0, 0),
    overwrite: bool = False,
) -> None:
    """Write the pieces of a picture to an uncompressed BigTIFF.

    Until it is complete the file lies beside its place, with a journal. The same job started again, after an error, a
    cancel or a kill, goes on where the journal is; another job for the same file starts anew. Either way the bytes
    are those of an uninterrupted run.

    Args:
        target: the finished file.
        layout: what it holds besides the pixels.
        job: whatever decides about the pixels, as JSON can hold it: the input and its state, the size, the upscaler,
            the settings with every automatic choice made.
        make: the pieces from these marks on, `()` from the beginning. They cover at least the picture; what lies
            outside is cut off.
        corner: x and y of the picture's upper left corner among the pixels of the pieces.
        overwrite: replace a finished file that is there.

    Raises PictureError if there is such a file already, InputError if the disk has too little room, and whatever `make`
    raises; what is done is kept.
    """
    if not overwrite:
        _refuse(target)
    journal = Journal(target)
    marks = journal.read(job)
    sink = None if marks is None else _unfinished(journal.part, layout)
    if marks is None or sink is None:
        journal.discard()
        marks = ()
        sink = TiffSink.create(journal.part, layout)
        journal.write(job, marks)
    try:
        bottom = corner[1] + layout.height
        for piece in make(marks) if _rows(marks) < bottom else ():
            inside = cut(piece, corner, (layout.width, layout.height))
            if inside is not None:
                sink.write(*inside)
            if piece.marks != marks:
                marks = piece.marks
                sink.flush()
                journal.write(job, marks)
            if _rows(marks) >= bottom:
                break
            del piece, inside  # of a wide picture they are large, and the next ones are about to be made
        else:
            if _rows(marks) < bottom:
                raise RuntimeError(f"only {_rows(marks)} of {bottom} rows of '{target.name}' were made.")
    finally:
        sink.close()
    if not overwrite:
        _refuse(target)
    os.replace(journal.part, target)
    journal.discard()


def _rows(marks: Marks) -> int:
    return max(marks, default=0)


def _unfinished(path: Path, layout: TiffLayout) -> TiffSink | None:
    try:
        return TiffSink(path, layout)
    except InputError:  # somebody has changed it
        return None


def _refuse(target: Path) -> None:
    if os.path.lexists(target):
        raise PictureError(f"'{target.name}' is there already. Ask to overwrite it, or choose another name.")
