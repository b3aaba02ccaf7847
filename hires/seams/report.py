"""All figures of a picture that was made in tiles, and the text that tells them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..errors import InputError
from ..images.checks import check_image
from ..tiles.resize_parts import lanczos
from .colours import tile_offset
from .lines import SCALES, Excess, line_excess
from .meetings import Kind, Meetings
from .waves import periodicity, repetition

SEEN, RARE = 1.1, 0.05
"""Excess above, and p below, with which lines count as a seam."""

FEWEST = 8
"""Lines along an axis, or along the axes of all pictures of a batch: fewer say little."""


@dataclass(frozen=True)
class Figures:
    """What is measured of a change. None stands for what tiles or pictures are too small for."""

    seam: list[Excess | None]
    """Of all lines where tiles meet, at each of `SCALES`."""

    kinds: dict[Kind, list[Excess | None]]
    """The same of each kind of lines alone; more than one kind where windows overlap."""

    tile_offset: Excess | None
    repetition: float | None
    """Mean of the axes that have several tiles."""

    period: list[list[float | None]]
    """At three harmonics of the distance of tiles: of each axis that has several, columns first."""

    change: float
    """Mean, in levels of 255."""


def change_of(after: torch.Tensor, before: torch.Tensor, input_name: str | None = None) -> torch.Tensor:
    """What was done to pictures of one size, `(B, H, W, C)`, in levels of 255; transparency is left out.

    Raises:
        InputError: pictures of other sizes or numbers; blames `input_name`.
    """
    channels = min(after.shape[-1], before.shape[-1])
    channels = 1 if channels < 3 else 3
    if after.shape[:3] != before.shape[:3]:
        (a, *size), (b, *other) = after.shape[:3], before.shape[:3]
        raise InputError(
            f"{a} picture(s) of {size[1]}x{size[0]} pixels cannot be compared with {b} of {other[1]}x{other[0]}. "
            "Connect the same pictures in one size.",
            input_name,
        )
    return (after[..., :channels].float() - before[..., :channels].float()) * 255


def measure(change: torch.Tensor, columns: Meetings, rows: Meetings) -> Figures:
    """Measure a change, `(B, H, W, C)` in levels of 255, on the lines where tiles meet; a batch as one larger picture.

    The picture's own edges are to be out of it: it is what the pass has done, see `change_of`.
    """
    periods = [axis.period for axis in (columns, rows) if axis.period]
    period = int(min(periods, default=0))
    kinds: list[Kind] = [*dict.fromkeys((*columns.lines, *rows.lines))]
    tiled = [(axis, meeting) for axis, meeting in ((2, columns), (1, rows)) if meeting.period]
    repeated = [repetition(change, axis, round(meeting.period)) for axis, meeting in tiled]
    known = [value for value in repeated if value is not None]
    return Figures(
        seam=line_excess(change, columns.all_lines, rows.all_lines, period),
        kinds={
            kind: line_excess(change, columns.lines.get(kind, ()), rows.lines.get(kind, ()), period) for kind in kinds
        },
        tile_offset=tile_offset(change, columns, rows),
        repetition=sum(known) / len(known) if known else None,
        period=[periodicity(change, axis, meeting.period) for axis, meeting in tiled],
        change=float(change.abs().mean()),
    )


def enlarged(pictures: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Resize pictures by Lanczos: `(B, H, W, C)` -> `(B, height, width, C)` float32 in [0, 1]."""
    return torch.stack([lanczos(picture, (width, height)) for picture in pictures])


def report(
    before: torch.Tensor, after: torch.Tensor, columns: Meetings, rows: Meetings, untiled: torch.Tensor | None = None
) -> Report:
    """Measure what was done to pictures, `(B, H, W, C)` in [0, 1].

    Args:
        before: what the pass was given, of any size: it is enlarged to that of `after`; one for all, or one each.
        after: what was made of them in tiles.
        columns: where its tiles meet across.
        rows: and down.
        untiled: what was made of them in one piece, of the size of `after`.

    Raises:
        InputError: what is no picture, or pictures that do not belong together.
    """
    for name, picture in (("before", before), ("after", after), ("untiled", untiled)):
        if picture is not None:
            check_image(picture, name)
    height, width = after.shape[1:3]
    before = enlarged(before, width, height)
    if len(before) == 1:
        before = before.expand(len(after), -1, -1, -1)
    figures = measure(change_of(after, before, "before"), columns, rows)
    if untiled is None:
        return Report(columns, rows, len(after), figures)
    distance = float(change_of(after, untiled, "untiled").square().mean().sqrt())
    control = measure(change_of(untiled, before, "before"), columns, rows)
    return Report(columns, rows, len(after), figures, control, distance)


@dataclass(frozen=True)
class Report:
    """The figures of a picture and of one that was made in one piece, if there is one, on the same lines."""

    columns: Meetings
    rows: Meetings
    pictures: int
    figures: Figures
    untiled: Figures | None = None
    distance: float | None = None
    """To the untiled picture: root of the mean square, in levels of 255."""

    def text(self) -> str:
        """A line of plain text for each figure, and what they come to."""
        columns, rows = (len(axis.cores) for axis in (self.columns, self.rows))
        counts = [sum(len(lines) for lines in axis.lines.values()) for axis in (self.columns, self.rows)]
        if columns * rows == 1:
            return f"One tile: no lines to look at.\nChange: {self.figures.change:.1f} of 255"
        told = [f"{columns} x {rows} tiles, {counts[0]} lines across and {counts[1]} down"]
        places = ", ".join(map(str, SCALES))
        told.append(self._line(f"Lines at {places} px", lambda figures: _excesses(figures.seam)))
        if len(self.figures.kinds) > 1:
            told += [
                self._line(f"  {kind}", lambda figures, kind=kind: _excesses(figures.kinds[kind]))
                for kind in self.figures.kinds
            ]
        told.append(self._line("Tile offset", lambda figures: _excesses([figures.tile_offset])))
        told.append(self._line("Repetition", lambda figures: _number(figures.repetition, 3)))
        for index, (name, period) in enumerate(self._periods()):
            told.append(
                self._line(
                    f"Waves every {period:.0f} px {name}",
                    lambda figures, index=index: ", ".join(_number(value, 1) for value in figures.period[index]),
                )
            )
        told.append(self._line("Change", lambda figures: f"{figures.change:.1f} of 255"))
        if self.distance is not None:
            told.append(f"Distance to untiled: {self.distance:.1f} of 255")
        told.append(self.verdict())
        return "\n".join(told)

    def verdict(self) -> str:
        """Whether a seam is found, in a sentence; of few lines that they are few.

        What stands out in the untiled picture, too, has to stand out by as much more.
        """
        control = self.untiled or self.figures
        found = [
            f"{kind} at {scale} px"
            for kind, values, others in [
                ("lines", self.figures.seam, control.seam),
                *((kind, values, control.kinds[kind]) for kind, values in self.figures.kinds.items()),
            ]
            for scale, value, other in zip(SCALES, values, others, strict=True)
            if self._is_seen(value, other)
        ]
        if self._is_seen(self.figures.tile_offset, control.tile_offset):
            found.append("the colour of tiles")
        few = max(len(lines) for axis in (self.columns, self.rows) for lines in axis.lines.values()) * self.pictures
        said = f"Seams: {', '.join(found)}." if found else "No seam found."
        if few < FEWEST:
            said += f" {few} lines of a kind along an axis say little: look at larger pictures, or at several."
        return said

    def _is_seen(self, value: Excess | None, control: Excess | None) -> bool:
        usual = max(1.0, control.excess) if self.untiled and control else 1.0
        return value is not None and value.excess > SEEN * usual and value.p < RARE

    def _line(self, name: str, told: Callable[[Figures], str]) -> str:
        line = f"{name}: {told(self.figures)}"
        return f"{line}; untiled {told(self.untiled)}" if self.untiled else line

    def _periods(self) -> list[tuple[str, float]]:
        axes = (("across", self.columns), ("down", self.rows))
        return [(name, axis.period) for name, axis in axes if axis.period]


def _excesses(values: Sequence[Excess | None]) -> str:
    return ", ".join("-" if value is None else f"{value.excess:.2f} (p {value.p:.2f})" for value in values)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
