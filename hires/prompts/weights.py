"""Emphasis: `(more)`, `(exactly:1.3)`, `[less]`, and what the weights do to a text encoder's output.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch

from ..amounts import number

EMPHASIS_MODES = ("Original", "No norm", "Ignore", "None")
"""A1111's names. Original: multiply, then restore the mean. No norm: multiply. Ignore: read the brackets, use no
weights. None: brackets and BREAK are plain text."""

_TOKEN = re.compile(r"\\[()\[\]\\]|\\|:\s*(?P<weight>[+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|[()\[\]:]")
_BREAK = re.compile(r"\bBREAK\b")
_FACTORS = {"(": 1.1, "[": 1 / 1.1}
_LIMIT = 1e30
"""Weights are kept within this, so that absurd ones still give finite numbers."""

_ONE_BY_ONE = 32
"""Depth of brackets to which weights are rounded as A1111 rounds them; all that is outside of that is one factor."""


@dataclass
class Weighted:
    """A run of text under one weight."""

    text: str
    weight: float = 1.0

    @property
    def is_break(self) -> bool:
        """Whether a new chunk starts here. A BREAK inside of emphasis has another weight and is a word, as in A1111."""
        return self.text == "BREAK" and self.weight == -1.0


@dataclass(eq=False, slots=True)
class _Bracket:
    """A pair of brackets of one kind; what is opened inside of it knows it."""

    factor: float
    closed: int
    """Where in the text: weights are multiplied in the order of closing. Those never closed come behind the text."""

    outside: _Bracket | None
    product: float = 1.0
    """All factors outside of it, and its own."""

    is_uniform: bool = True
    """All of them are alike."""


def parse_weights(text: str) -> list[Weighted]:
    r"""Return the text in runs of equal weight, without brackets; never empty.

    `(a)` is 1.1, `[a]` 1/1.1, both nest by multiplication, `(a:1.3)` is 1.3. `\(` and the like stand for the
    character itself. Brackets that are not closed last to the end. ` BREAK ` becomes a run of its own.
    """
    brackets: list[_Bracket] = []
    innermost: dict[str, _Bracket | None] = {"(": None, "[": None}
    runs: list[tuple[str, float, _Bracket | None, _Bracket | None]] = []

    def close(opening: str, place: int, factor: float | None = None) -> bool:
        bracket = innermost[opening]
        if bracket is None:
            return False
        bracket.closed, innermost[opening] = place, bracket.outside
        bracket.factor = bracket.factor if factor is None else _limited(factor)
        return True

    def add(words: str, weight: float = 1.0) -> None:
        runs.append((words, weight, innermost["("], innermost["["]))

    for match in _TOKEN.finditer(text):
        token, place = match[0], match.start()
        weight = number(match["weight"]) if match["weight"] else None
        if token in innermost:
            # of those never closed, the round ones are multiplied first
            order = len(text) + (token == "[")
            brackets.append(_Bracket(_FACTORS[token], order, innermost[token]))
            innermost[token] = brackets[-1]
        elif (
            (token == ")" and close("(", place))
            or (token == "]" and close("[", place))
            or (weight is not None and close("(", place, weight))
        ):
            continue
        elif token.startswith("\\"):
            add(token[1:])
        else:
            first, *others = _BREAK.split(token)
            add(first.rstrip() if others else first)
            for index, words in enumerate(others, 1):
                add("BREAK", -1.0)
                add(words.strip() if index < len(others) else words.lstrip())
    for bracket in brackets:
        if outside := bracket.outside:  # which comes before this one
            bracket.product = _limited(outside.product * bracket.factor)
            bracket.is_uniform = outside.is_uniform and outside.factor == bracket.factor
        else:
            bracket.product = bracket.factor
    return _merged((words, _multiplied(weight, round_, square)) for words, weight, round_, square in runs)


def _multiplied(weight: float, round_: _Bracket | None, square: _Bracket | None) -> float:
    """A weight, 1 or -1, times the factors of the innermost brackets around it and of all outside of those."""
    if round_ is None or square is None:
        bracket = round_ or square
        if bracket is None:
            return weight
        if bracket.is_uniform:  # in any order the same
            return weight * bracket.product
    for _ in range(_ONE_BY_ONE):
        if round_ and (square is None or round_.closed < square.closed):
            weight, round_ = weight * round_.factor, round_.outside
        elif square:
            weight, square = weight * square.factor, square.outside
        else:
            break
    for bracket in (round_, square):
        weight = weight * bracket.product if bracket else weight
    return _limited(weight)


def _limited(weight: float) -> float:
    return max(-_LIMIT, min(_LIMIT, weight))


def _merged(runs: Iterable[tuple[str, float]]) -> list[Weighted]:
    """Join neighbours of equal weight: the tokenizer must see the whole words."""
    groups = groupby(runs, key=itemgetter(1))
    return [Weighted("".join(words for words, _ in group), weight) for weight, group in groups] or [Weighted("")]


def apply_weights(z: torch.Tensor, weights: torch.Tensor, counts: torch.Tensor, mode: str) -> torch.Tensor:
    """Apply the weights of one chunk to the encodings of all texts of a schedule.

    Args:
        z: `(texts, tokens, width)`, any range.
        weights: `(texts, tokens)`, 1 where nothing is emphasised.
        counts: `(texts,)`, how often the schedule has each text: A1111 takes the mean over all of them together.
        mode: one of `EMPHASIS_MODES`.

    Returns:
        The same shape and dtype; `z` itself where there is nothing to do.
    """
    if mode not in ("Original", "No norm") or bool((weights == 1).all()):
        return z
    weighted = z * weights.to(z)[..., None]
    if mode == "No norm":
        return weighted
    share = (counts / counts.sum()).to(device=z.device, dtype=torch.float64)
    before, after = ((x.double().mean(dim=(1, 2)) * share).sum() for x in (z, weighted))
    return weighted * (before / after).to(z)
