"""Embeddings in prompts: marked words in ComfyUI, plain ones in A1111."""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "embedding:"
"""Before the name of an embedding in ComfyUI's prompts."""


def mark_embeddings(prompt: str, names: Iterable[str]) -> str:
    """The prompt with ComfyUI's mark before each of these words, in whatever capitals, as A1111 finds them.

    The words become the names as they are listed: ComfyUI looks for a file of that name.
    """
    listed = {name.lower(): name for name in names}
    return _words_of(listed, prompt).sub(lambda found: MARK + listed.get(found[1].lower(), found[1]), prompt)


def missing_embeddings(prompts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that `mark_embeddings` finds in none of the prompts."""
    missing = {name.lower(): name for name in names}
    for prompt in prompts:
        for found in _words_of(missing, prompt).findall(prompt):
            missing.pop(found.lower(), None)
    return tuple(missing.values())


def _words_of(names: Iterable[str], prompt: str) -> re.Pattern[str]:
    """What finds these names, in small letters, as words of a prompt; marked or not, the longest first."""
    lowered = prompt.lower()
    # most names of a long list are in no prompt: looking for those in all places would take seconds
    longest = sorted((name for name in names if name in lowered), key=len, reverse=True)
    choice = "|".join(map(re.escape, longest)) or "(?!)"
    return re.compile(rf"(?<![\w:-])(?:{MARK})?({choice})(?![\w-])", re.IGNORECASE)


def unmark_embeddings(prompt: str) -> str:
    """The prompt as A1111 wants it."""
    return prompt.replace(MARK, "")
