"""The text of a plan: a line for each rule, `place | what | what`, read and written.

Places: `x y width height` in pixels or percent of the picture, `tile 3`, `tiles 1-4, 7`, `row 1`, `columns 2-3`,
`mask`, `mask 2`, `all`. What: `skip`, `strength 50%` of the pass's, `prompt: words` in place of the pass's prompt,
`add: words` beside it. Lines that begin with # are comments, as is a last part that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..tiles.boxes import Box
from .plan import Rule, Size

MOST_LINES, MOST_LETTERS = 1000, 100_000

_MOST_RULES = 10_000
"""After `tiles` and `rows` have become boxes."""

_NUMBER = re.compile(r"(-?\d{1,7}(?:\.\d{1,6})?)(%?)", re.ASCII)
_SHORT = re.compile(r"(tile|row|column|mask)s?\b\s*(.*)", re.ASCII | re.IGNORECASE)
_WORDS = re.compile(r"\s*(prompt|add)\s*:(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_STRENGTH = re.compile(r"strength\s*[=:]?\s*(.*)", re.ASCII | re.IGNORECASE)

_EXAMPLE = (
    "A line is like '0 0 512 256 | strength 50% | prompt: blue sky', 'tiles 1-3 | skip' or 'mask | add: a castle'"
)


@dataclass(frozen=True)
class Places:
    """What the places of a plan's text stand for."""

    size: Size
    """Of the picture, in pixels."""

    tiles: tuple[Box, ...] | None
    """What each tile owns, row by row, in the picture's pixels; None where they are not known."""

    columns: int
    masks: int | None = 0
    """How many there are; None where that is not known."""


def read_plan(text: str, places: Places) -> tuple[Rule, ...]:
    """Read a plan; an empty text has no rules. Of tiles and masks that are not known there are none, either.

    Raises:
        InputError: names the line and what is wrong with it.
    """
    if len(text) > MOST_LETTERS:
        raise InputError(f"the plan has {len(text)} letters; {MOST_LETTERS} are the most.", "plan")
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise InputError(f"the plan has {len(lines)} lines; {MOST_LINES} are the most.", "plan")
    rules: list[Rule] = []
    for number, line in enumerate(lines, start=1):
        try:
            rules += _rules(line.strip(), places)
        except InputError as error:
            raise InputError(f"line {number} of the plan, {line.strip()[:60]!r}: {error}", "plan") from error
        if len(rules) > _MOST_RULES:
            raise InputError(f"the lines of the plan name more than {_MOST_RULES} tiles. Name rows or boxes.", "plan")
    return tuple(rules)


def write_plan(rules: Sequence[Rule], places: Places, notes: Sequence[str] = ()) -> str:
    """Write rules so that `read_plan` gives the same again; a tile's number stands behind its box as a comment."""
    numbers = {box: number for number, box in reversed(list(enumerate(places.tiles or (), start=1)))}
    lines = [f"# {note}" for note in notes]
    for rule in rules:
        parts = [_place_text(rule.place)]
        if rule.strength is not None:
            parts.append("skip" if rule.strength == 0 else f"strength {_digits(rule.strength * 100)}%")
        if rule.words is not None:
            parts.append(f"{'add' if rule.adds else 'prompt'}: {rule.words}")
        elif isinstance(rule.place, Box) and rule.place in numbers:
            parts.append(f"# tile {numbers[rule.place]}")
        lines.append(" | ".join(parts))
    return "\n".join(lines)


def _rules(line: str, places: Places) -> Iterator[Rule]:
    if not line or line.startswith("#"):
        return
    place, *rest = line.split("|", 1)
    strength, words, adds = _what(rest[0] if rest else "")
    for found in _places(place.strip(), places):
        yield Rule(found, strength, words, adds)


def _what(text: str) -> tuple[float | None, str | None, bool]:
    """Strength, words and whether they are added."""
    strength: float | None = None
    left: str | None = text
    while left is not None:
        found = _WORDS.match(left)
        if found:  # to the end of the line: prompts may have | in them
            words = found[2].strip()
            if not words:
                raise InputError(f"'{found[1]}:' has no words behind it.")
            return strength, words, found[1].lower() == "add"
        part, bar, after = left.partition("|")
        part, left = part.strip(), after if bar else None
        if part.startswith("#"):
            break
        if not part:
            continue
        given = _STRENGTH.fullmatch(part)
        if part.lower() != "skip" and given is None:
            raise InputError(
                f"{part[:40]!r} is neither 'skip', 'strength 50%', 'prompt: words' nor 'add: words'. {_EXAMPLE}."
            )
        if strength is not None:
            raise InputError("it has two strengths; 'skip' is one of 0%.")
        strength = 0.0 if given is None else _share(given[1].strip())
    if strength is None:
        raise InputError(f"it does not say what to do there. {_EXAMPLE}.")
    return strength, None, False


def _share(text: str) -> float:
    number = _NUMBER.fullmatch(text)
    if number is None or not number[2]:
        raise InputError(
            f"the strength is {text[:20]!r}, and must be a share of the pass's strength, such as 50%: half of it."
        )
    value = float(number[1])
    if not 0 <= value <= 100:
        raise InputError(
            f"the strength is {text}, and must be 0% to 100% of the pass's. Set the pass higher and other parts lower."
        )
    return value / 100


def _places(text: str, places: Places) -> Iterator[Box | int]:
    width, height = places.size
    if text.lower() == "all":
        yield Box(0, 0, width, height)
        return
    short = _SHORT.fullmatch(text)
    if short is None:
        yield _box(text, places.size)
        return
    kind, numbers = short[1].lower(), short[2]
    if kind == "mask":
        if places.masks == 0:
            raise InputError("no mask is connected. Connect one, or name a box.")
        yield from (number - 1 for number in _numbers(numbers or "1", places.masks, kind))
        return
    if places.tiles is None:
        _numbers(numbers, None, kind)
        return
    columns, count = places.columns, len(places.tiles)
    if kind == "tile":
        parts = [(number - 1, number - 1) for number in _numbers(numbers, count, kind)]
    elif kind == "row":
        rows = _numbers(numbers, count // columns, kind)
        parts = [((number - 1) * columns, number * columns - 1) for number in rows]
    else:
        parts = [(number - 1, count - columns + number - 1) for number in _numbers(numbers, columns, kind)]
    for first, last in parts:
        yield Box(*places.tiles[first][:2], *places.tiles[last][2:])


def _numbers(text: str, most: int | None, kind: str) -> list[int]:
    """Numbers and spans of them, as in '1-3, 7'; none where it is not known how many there are."""
    numbers: list[int] = []
    for part in re.split(r"[,\s]+", re.sub(r"\s*-\s*", "-", text.strip())):
        found = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part, re.ASCII)
        if found is None:
            raise InputError(f"{text[:40]!r} does not say which {kind}. Write '{kind} 3' or '{kind}s 1-4, 7'.")
        first, last = int(found[1]), int(found[2] or found[1])
        if not 1 <= first <= last <= (last if most is None else most):
            known = "they count from 1" if most is None else f"there are {kind}s 1 to {most}"
            there = f"there is {kind} 1 only" if most == 1 else known
            raise InputError(f"{part!r} is not there: {there}. The preview numbers the tiles.")
        numbers += range(first, last + 1) if most is not None else ()
    return numbers


def _box(text: str, size: Size) -> Box:
    parts = re.split(r"[,\s]+", text)
    found = [_NUMBER.fullmatch(part) for part in parts]
    if len(found) != 4 or not all(found):
        raise InputError(
            f"{text[:40]!r} is no place: a box is 'x y width height', in pixels or percent of the picture. {_EXAMPLE}."
        )
    x, y, wide, high = (
        float(number[1]) * (size[axis % 2] / 100 if number[2] else 1) for axis, number in enumerate(found) if number
    )
    if wide <= 0 or high <= 0:
        raise InputError(f"the box is {_digits(wide)} wide and {_digits(high)} high; both must be above 0.")
    box = Box(round(x), round(y), max(round(x) + 1, round(x + wide)), max(round(y) + 1, round(y + high)))
    inside = box.shared(Box(0, 0, *size))
    if inside.width < 1 or inside.height < 1:
        raise InputError(
            f"the box reaches from {box.x0}, {box.y0} to {box.x1}, {box.y1}, outside of the picture of "
            f"{size[0]}x{size[1]} pixels. Boxes count the pixels of the picture that is connected; percent fit any."
        )
    return inside


def _place_text(place: Box | int) -> str:
    if isinstance(place, Box):
        return f"{place.x0} {place.y0} {place.width} {place.height}"
    return f"mask {place + 1}"


def _digits(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
