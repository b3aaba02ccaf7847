"""Embeddings by their bare names, which A1111 finds among the tokens of a prompt."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import folder_paths
import torch
from comfy.sd1_clip import load_embed

from ...hires.model_names import stem
from ...hires.prompts.chunks import Token

log = logging.getLogger("hires-fix")

FOLDER = "embeddings"

Spelling = tuple[int, ...]
"""Tokens of a name."""


class NamedEmbeddings:
    """The installed embeddings that fit all text encoders of a CLIP, read when a prompt names them."""

    def __init__(self, tokenizers: Iterable[tuple[Any, int]]) -> None:
        """`tokenizers`: the host's, each with the width of its encoder's vectors."""
        self._tokenizers = {tokenizer: width for tokenizer, width in tokenizers if tokenizer.embedding_directory}
        self._read: dict[str, dict[Any, list[Token]] | None] = {}

    def put_in(self, groups: Sequence[list[Token]], tokenizer: Any) -> list[list[Token]]:
        """Tokens of a prompt, each a group of its own, with the vectors of an embedding as one group for its name.

        Of names that begin alike, the longest.
        """
        spellings = _spellings(tuple(folder_paths.get_filename_list(FOLDER)), tokenizer.tokenizer)
        if not spellings or tokenizer not in self._tokenizers:
            return list(groups)
        found, place = [], 0
        while place < len(groups):
            first = groups[place][0]
            names = spellings.get(first, ()) if isinstance(first, int) else ()
            for spelling, file in names:
                same = [group[0] for group in groups[place : place + len(spelling)]]
                fits = all(isinstance(token, int) for token in same) and tuple(same) == spelling
                vectors = self._vectors(file) if fits else None
                if vectors is not None:
                    found.append(vectors[tokenizer])
                    place += len(spelling)
                    break
            else:
                found.append(groups[place])
                place += 1
        return found

    def _vectors(self, file: str) -> dict[Any, list[Token]] | None:
        """The vectors of a file for each encoder; None, so that the name is a word, if they do not fit all of them."""
        if file not in self._read:
            vectors = {tokenizer: _read(file, tokenizer, width) for tokenizer, width in self._tokenizers.items()}
            fitting = {tokenizer: found for tokenizer, found in vectors.items() if found}
            if len(fitting) < len(vectors):
                log.warning("The embedding '%s' does not fit this text encoder: its name stays a word.", file)
            self._read[file] = fitting if len(fitting) == len(vectors) else None
        return self._read[file]


def _read(file: str, tokenizer: Any, width: int) -> list[Token]:
    """The vectors of a file for one encoder; none if it has none of this width."""
    try:
        loaded = load_embed(file, tokenizer.embedding_directory, width, tokenizer.embedding_key)
    except (RuntimeError, TypeError, AttributeError, StopIteration) as error:  # the host's complaints of odd contents
        log.warning("The embedding '%s' cannot be read: %s", file, error)
        return []
    if not isinstance(loaded, torch.Tensor) or not loaded.ndim or loaded.shape[-1] != width:
        return []
    return list(loaded.reshape(-1, width))


@lru_cache(8)
def _spellings(files: tuple[str, ...], tokenizer: Any) -> dict[int, list[tuple[Spelling, str]]]:
    """The names of files as tokens, by the first one, the longest first."""
    spellings: dict[Spelling, str] = {}
    for file in files:
        spelling = tuple(tokenizer(stem(file))["input_ids"][1:-1])
        if spelling:
            spellings.setdefault(spelling, file)
    by_first: dict[int, list[tuple[Spelling, str]]] = {}
    for spelling in sorted(spellings, key=len, reverse=True):
        by_first.setdefault(spelling[0], []).append((spelling, spellings[spelling]))
    return by_first
