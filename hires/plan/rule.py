"""The form of a rule: what is known of a node, worked out from what is known of its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..graph.reader import Node
from ..sizes.image_sizes import A1111_CELL
from .values import Facts, ModelFile, Size

CELLS = (8, 16, 32)
"""Pixels a side that a latent cell may have where the VAE is not known: only what is the same with all is said."""


STOPS = "stops with an error"
"""What a node shows of which a warning says why."""


@dataclass(frozen=True)
class Answer:
    """What is known of a node."""

    outputs: tuple[Any, ...] = ()
    """Values of its outputs in order, None where not known."""

    text: str | None = None
    """The line to show."""

    warning: str | None = None
    """A sentence with what to do."""


Rule = Callable[[Node, Facts], Answer]


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
