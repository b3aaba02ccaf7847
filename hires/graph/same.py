"""Where a graph holds what a field of a second pass stands for that says "as in the first pass"."""

from __future__ import annotations

from ..sampling.same import SAME_SAMPLER, SAME_SCHEDULER, SAME_STEPS
from .passthrough import ENCODE_ANY_SIZE, ENCODERS
from .reader import Node

BASE, RENOISE, SECOND = "HiresFixBaseSampling", "HiresFixRenoise", "HiresFixSecondSampling"

LATENTS = ("latent", "samples", "latent_image", "samples1", "samples_to", "destination", "on_true", "on_false")
"""Inputs whose LATENT a node hands on with its keys."""

_NEW = (*ENCODERS, ENCODE_ANY_SIZE, "HiresFixEncodeTiles", "VAEEncodeForInpaint", "RebatchLatents", "LoadLatent")
"""Nodes whose LATENT comes from no first pass, or has forgotten it; so have those called Empty."""


def first_pass(node: Node) -> tuple[Node | None, bool]:
    """The Base Sampling that a node's latent comes from; and, without one, whether it is sure that there is none."""
    way: dict[tuple[str, str], None] = {}
    result: tuple[Node | None, bool] | None = None
    while result is None:
        key = ("first pass", node.id)
        if key in node.found:
            result = node.found[key]
        elif not node.kind or key in way:
            result = None, False
        else:
            way[key] = None
            name = next((name for name in LATENTS if node.source(name) is not None), None)
            if name is None or node.kind in _NEW:
                result = None, node.kind in _NEW or node.kind.startswith("Empty")
            else:
                node = node.before(name)
                result = (node, True) if node.kind == BASE else None
    node.found.update(dict.fromkeys(way, result))
    return result


def renoise_of(node: Node) -> Node | None:
    """The Re-noise whose sigmas a Second Sampling runs; None if they are from elsewhere, or it is not known."""
    seen: set[str] = set()
    while node.source("sigmas") is not None and node.id not in seen:
        seen.add(node.id)
        node = node.before("sigmas")
        if node.kind == RENOISE:
            return node
    return None


def told_by(node: Node, name: str) -> Node:
    """The node whose field `name` holds what this sampling or Re-noise uses; one of no kind if that is not known."""
    if not is_same(node, name):
        return node
    renoise = renoise_of(node) if node.kind == SECOND and name == "sampler_name" else None
    return told_by(renoise, name) if renoise else first_pass(node)[0] or Node("", "", {}, node.known)


def is_same(node: Node, name: str) -> bool:
    """Whether a field says "as in the first pass"."""
    if name == "cfg":
        cfg = node.number(name)
        return cfg is not None and cfg < 0
    if name == "steps":
        return node.whole(name) == SAME_STEPS
    return node.text(name) == {"sampler_name": SAME_SAMPLER, "scheduler": SAME_SCHEDULER}[name]


def settings_of(node: Node) -> str | None:
    """The A1111 Settings that a sampling or Re-noise works with; None for A1111's defaults."""
    before = None
    if node.source("settings") is None and node.kind == SECOND and is_same(node, "sampler_name"):
        before = renoise_of(node) or first_pass(node)[0]
    elif node.source("settings") is None and node.kind == RENOISE:
        before = first_pass(node)[0] if is_same(node, "sampler_name") or is_same(node, "scheduler") else None
    return settings_of(before) if before else node.source("settings")
