"""The values of a sheet's columns and rows, written as in A1111's X/Y/Z plot."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from ..amounts import number
from ..errors import InputError
from ..model_names import stem

MOST = 100
"""Pictures of a sheet."""

Value = int | float | bool | str

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_RANGE = re.compile(
    rf"(?P<first>{_NUMBER})\s*-\s*(?P<last>{_NUMBER})\s*(?:\((?P<step>{_NUMBER})\)|\[(?P<count>\d+)\])?"
)
_LONGEST = 60
"""Characters of a number or range; longer ones are texts, such as names of files."""
_FIGURES = re.compile(r"[\d\s.,+\-()\[\]]+")
_FLAGS = {"true": True, "false": False}
_DIGITS = 9
"""Digits behind the point that numbers of a range are rounded to."""


class AxisError(InputError):
    """Values that make no sheet."""


@dataclass(frozen=True)
class Axis:
    name: str
    """What the values are of; may be empty."""

    values: tuple[Value, ...]

    @property
    def labels(self) -> list[str]:
        """What stands beside the pictures of each value."""
        shown = [_label(value) for value in self.values]
        return [f"{self.name}: {words}" if self.name else words for words in shown]


@dataclass(frozen=True)
class Axes:
    """A sheet's columns and rows."""

    x: Axis
    y: Axis

    @property
    def pairs(self) -> list[tuple[Value, Value]]:
        """The values of every picture, row by row."""
        return [(x, y) for y, x in product(self.y.values, self.x.values)]


def axes(x_name: str, x_values: str, y_name: str, y_values: str) -> Axes:
    """Read both axes; `MOST` pictures together.

    Raises:
        AxisError: a value that cannot be read, no value of x, or too many.
    """
    x, y = read_axis(x_name, x_values, "x_values"), read_axis(y_name, y_values, "y_values")
    if not x.values:
        raise AxisError("there is no value. Write some, parted by commas, such as 0.3, 0.5, 0.7", "x_values")
    # without rows, the sheet has one
    y = y if y.values else Axis("", ("",))
    columns, rows = len(x.values), len(y.values)
    if columns * rows > MOST:
        raise AxisError(
            f"{columns} x {rows} = {columns * rows} pictures are too many: a sheet has up to {MOST}.", "x_values"
        )
    return Axes(x, y)


def read_axis(name: str, text: str, where: str) -> Axis:
    """Values parted by commas or lines; in quotes, one may hold a comma.

    Numbers if all of them are: also ranges, `1-5`, `1-9 (+2)` by its step, `0.2-0.8 [4]` by how many. Else texts, as
    names may be numbers, too.

    Raises:
        AxisError: see `axes`; also a word among numbers that seems to be meant as one.
    """
    words: list[str] = []
    numbers: list[Sequence[int | float]] = []
    count = 0
    for word in _words(text, where):
        words.append(word)
        numbers.append(_numbers(word, where))
        count += len(numbers[-1]) or 1
        if count > MOST:
            raise AxisError(f"there are more than {MOST} values: a sheet has up to {MOST} pictures.", where)
    if all(numbers):
        values: list[Value] = [value for several in numbers for value in several]
    elif all(word.lower() in _FLAGS for word in words):
        values = [_FLAGS[word.lower()] for word in words]
    else:
        slip = next((word for word, found in zip(words, numbers, strict=True) if not found and _is_slip(word)), None)
        if any(numbers) and slip is not None:
            raise AxisError(f"{slip!r} is no number, and other values are. Write it as one, such as 0.4 or 1-5.", where)
        values = list(words)
    return Axis(name.strip(), tuple(values))


def _is_slip(word: str) -> bool:
    """Whether a word looks like a number with a slip, such as `O.4`; names have more letters."""
    return any(map(str.isdigit, word)) and sum(map(str.isalpha, word)) < 2


def _label(value: Value) -> str:
    if isinstance(value, str):
        return stem(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _words(text: str, where: str) -> Iterator[str]:
    try:
        for row in csv.reader(text.splitlines(), skipinitialspace=True):
            yield from filter(None, map(str.strip, row))
    except csv.Error as error:
        raise AxisError(f"the values cannot be read ({error}). Part them by commas or lines.", where) from error


def _numbers(word: str, where: str) -> Sequence[int | float]:
    """The numbers that a word stands for; none if it is something else."""
    if len(word) > _LONGEST:
        if _FIGURES.fullmatch(word):
            raise AxisError(
                f"a number or range of {len(word)} characters, {word[:12]!r}..., is too long; it may have {_LONGEST}.",
                where,
            )
        return []
    single = number(word)
    if single is not None:
        return [_whole(word, single)]
    found = _RANGE.fullmatch(word)
    if found is None:
        return []
    first, last = float(found["first"]), float(found["last"])
    if found["count"]:
        count, step = int(found["count"]), 0.0
        step = (last - first) / (count - 1) if count > 1 else 0.0
    else:
        step = abs(float(found["step"] or 1)) * (1 if last >= first else -1)
        count = int((last - first) / step + 1 + 1e-6) if step else 0
    if not 1 <= count <= MOST:
        raise AxisError(f"{word!r} stands for {count:.6g} values; it may be 1 to {MOST}.", where)
    are_whole = not any("." in part for part in (found["first"], found["last"], found["step"] or ""))
    values = [round(first + index * step, _DIGITS) for index in range(count)]
    return [int(value) for value in values] if are_whole and all(value == int(value) for value in values) else values


def _whole(word: str, value: float) -> int | float:
    try:
        return int(word)
    except ValueError:
        return value
