"""Emphasis: `(more)`, `(exactly:1.3)`, `[less]`, and what the weights do to a text encoder's output.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import torch

EMPHASIS_MODES = ("Original", "No norm", "Ignore", "None")
"""A1111's names. Original: multiply, then restore the mean. No norm: multiply. Ignore: read the brackets, use no
weights. None: brackets and BREAK are plain text."""

_TOKEN = re.compile(r"\\[()\[\]\\]|\\|:\s*(?P<weight>[+-]?[.\d]+)\s*\)|[^\\()\[\]:]+|[()\[\]:]")
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_LIMIT = 1e30
"""Weights are kept within this, so that absurd ones still give finite numbers."""


@dataclass
class Weighted:
    """A run of text under one weight."""

    text: str
    weight: float = 1.0

    @property
    def is_break(self) -> bool:
        """Whether a new chunk starts here. A BREAK inside of emphasis has another weight and is a word, as in A1111."""
        return self.text == "BREAK" and self.weight == -1.0


def parse_weights(text: str) -> list[Weighted]:
    r"""Return the text in runs of equal weight, without brackets; never empty.

    `(a)` is 1.1, `[a]` 1/1.1, both nest by multiplication, `(a:1.3)` is 1.3. `\(` and the like stand for the
    character itself. Brackets that are not closed last to the end. ` BREAK ` becomes a run of its own.
    """
    runs: list[Weighted] = []
    open_at: dict[str, list[int]] = {"(": [], "[": []}

    def close(bracket: str, factor: float) -> None:
        _scale(runs[open_at[bracket].pop() :], factor)

    for match in _TOKEN.finditer(text):
        token = match[0]
        weight = _number(match["weight"]) if match["weight"] else None
        if token in open_at:
            open_at[token].append(len(runs))
        elif token == ")" and open_at["("]:
            close("(", 1.1)
        elif token == "]" and open_at["["]:
            close("[", 1 / 1.1)
        elif weight is not None and open_at["("]:
            close("(", weight)
        elif token.startswith("\\"):
            runs.append(Weighted(token[1:]))
        else:
            words = _BREAK.split(token)
            runs.append(Weighted(words[0]))
            for after_break in words[1:]:
                runs += [Weighted("BREAK", -1.0), Weighted(after_break)]
    for bracket, factor in (("(", 1.1), ("[", 1 / 1.1)):
        for start in open_at[bracket]:
            _scale(runs[start:], factor)
    return _merged(runs)


def _number(text: str) -> float | None:
    """None for what looks like a number and is none, such as 1.2.3."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _scale(runs: list[Weighted], factor: float) -> None:
    for run in runs:
        run.weight = max(-_LIMIT, min(_LIMIT, run.weight * factor))


def _merged(runs: list[Weighted]) -> list[Weighted]:
    """Join neighbours of equal weight: the tokenizer must see the whole words."""
    merged: list[Weighted] = []
    for run in runs:
        if merged and merged[-1].weight == run.weight:
            merged[-1].text += run.text
        else:
            merged.append(run)
    return merged or [Weighted("")]


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
