"""The badge of a node: what is known of its results, worked out from what is known of its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..graph.reader import Node
from ..sizes.image_sizes import A1111_CELL, Size
from .facts import Facts, ModelFile

CELLS = (8, 16, 32)
"""Pixels a side that a latent cell may have where the VAE is not known: only what is the same with all is shown."""

STOPS = "stops with an error"


@dataclass(frozen=True)
class Badge:
    """What is known of a node before the run: its outputs, None where not known; a line; a sentence with what to do."""

    outputs: tuple[Any, ...] = ()
    text: str | None = None
    warning: str | None = None


Rule = Callable[[Node, Facts], Badge]

RULES: dict[str, Rule] = {}
"""By class name. Of a node that is not here nothing is known."""


def badge(*kinds: str) -> Callable[[Rule], Rule]:
    """Register a rule for nodes of these classes; it need only stand in a file of this folder."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def cells_of(node: Node, facts: Facts) -> tuple[int, ...]:
    """Pixels a side of a latent cell, all that it may be."""
    if not node.has("vae"):
        return (A1111_CELL,)
    vae = node.incoming("vae", ModelFile)
    cell = facts.latent_cell(vae) if vae else None
    return (cell,) if cell else CELLS


def agreed(sizes: list[Size]) -> Size | None:
    """Return the size if there is only one."""
    return sizes[0] if len(set(sizes)) == 1 else None
