"""Chunks of 75 tokens: how a prompt of any length is cut for a text encoder that reads 77.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

CHUNK_TOKENS = 75
"""Tokens of the prompt in a chunk; start and end make 77."""

Token = Any
"""An int of the vocabulary, or a vector of a textual-inversion embedding."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids that a tokenizer gives a meaning to."""

    start: int
    end: int
    pad: int
    comma: int | None


@dataclass(frozen=True)
class TokenRun:
    """Tokens under one weight; a group (the vectors of an embedding) stays together. No groups: BREAK."""

    groups: list[list[Token]]
    weight: float = 1.0
    is_break: bool = False


@dataclass
class Chunk:
    """77 tokens and their weights."""

    tokens: list[Token] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


def empty_chunk(special: SpecialTokens) -> Chunk:
    """What shorter texts of a schedule are filled up with."""
    return _finished(Chunk(), special)


def pack(runs: Iterable[TokenRun], special: SpecialTokens, comma_padding_backtrack: int = 20) -> list[Chunk]:
    """Return the chunks of a prompt, at least one, each of 77 tokens.

    When a chunk is full and one of its last `comma_padding_backtrack` tokens is a comma, what follows that comma
    moves to the next chunk. 0 turns the rule off.
    """
    chunks: list[Chunk] = []
    chunk, comma = Chunk(), None

    def finish() -> None:
        nonlocal chunk, comma
        chunks.append(_finished(chunk, special))
        chunk, comma = Chunk(), None

    for run in runs:
        if run.is_break:
            finish()
            continue
        for group in _fitting(run.groups):
            used = len(chunk.tokens)
            if _is(group[0], special.comma):
                comma = used
            elif used == CHUNK_TOKENS and comma is not None and used - comma <= comma_padding_backtrack:
                moved = Chunk(chunk.tokens[comma + 1 :], chunk.weights[comma + 1 :])
                chunk = Chunk(chunk.tokens[: comma + 1], chunk.weights[: comma + 1])
                finish()
                chunk = moved
            if len(chunk.tokens) + len(group) > CHUNK_TOKENS:
                finish()
            chunk.tokens += group
            chunk.weights += [run.weight] * len(group)
    if chunk.tokens or not chunks:
        finish()
    return chunks


def _fitting(groups: list[list[Token]]) -> Iterable[list[Token]]:
    """Cut groups that are longer than a chunk."""
    for group in groups:
        for start in range(0, len(group), CHUNK_TOKENS):
            yield group[start : start + CHUNK_TOKENS]


def _is(token: Token, special: int | None) -> bool:
    return isinstance(token, int) and token == special


def _finished(chunk: Chunk, special: SpecialTokens) -> Chunk:
    """Add start, end and padding. Behind the first end, which a prompt can spell out, everything is padding."""
    rest = CHUNK_TOKENS + 1 - len(chunk.tokens)
    tokens = [special.start, *chunk.tokens, special.end, *[special.pad] * (rest - 1)]
    if special.pad != special.end:
        first_end = next(i for i, token in enumerate(tokens) if _is(token, special.end))
        tokens[first_end + 1 :] = [special.pad] * (len(tokens) - first_end - 1)
    return Chunk(tokens, [1.0, *chunk.weights, *[1.0] * rest])
