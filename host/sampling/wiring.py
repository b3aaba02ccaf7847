"""Where a noised latent goes: core's samplers take the sum of picture and noise, Second Sampling the parts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from comfy_execution.graph_utils import is_link

from ...hires.errors import InputError
from ..latents.latents import LatentError
from ..node_classes import node_class
from .renoising import Loss

_NOISES = ("RandomNoise", "HiresFixNoise")

_REASONS: dict[Loss | None, str] = {
    "mask": "would keep this noise outside the latent's noise mask, where the picture should stay",
    "picture": "cannot take a latent of nothing but noise",
}

_ANYTHING = ("*", "COMFY_MATCHTYPE_V3")  # switches and the like give out what they got
_LATENTS, _PROMPTS = ("LATENT", *_ANYTHING), ("CONDITIONING", "GUIDER", *_ANYTHING)
"""Types of outputs that may hold the latent, or the prompt."""

_RESULTS = {"LATENT", "IMAGE"}
"""What samplers give."""


def check_followers(dynprompt: Any, node_id: str, loss: Loss | None) -> None:
    """Refuse samplers of other packs and core behind a Re-noise where they would make another picture.

    `loss`: see `loss_of_sum`.

    Raises:
        LatentError: names the sampler and what to wire.
    """
    for kind, name, inputs in _samplers_after(dynprompt, node_id, _LATENTS):
        adds_noise = _adds_noise(dynprompt, kind, inputs)
        if not adds_noise and loss is None:
            continue
        reason = "adds noise of its own to it" if adds_noise else _REASONS[loss]
        raise LatentError(
            f"the noised latent goes to {name}, which {reason}. Connect it to Second Sampling (which also takes a "
            "GUIDER); or give that sampler the latent from before Re-noise, the noise, and Re-noise's sigmas."
        )


def check_prompt_followers(dynprompt: Any, node_id: str) -> None:
    """Refuse samplers of other packs and core behind a prompt whose steps only the pack's own samplers can count.

    Raises:
        InputError: names the sampler and what to set.
    """
    for _, name, _ in _samplers_after(dynprompt, node_id, _PROMPTS):
        raise InputError(
            f"the text has editing in [brackets] and goes to {name}, which cannot tell how many steps it has. Set "
            "steps, sampler_name and for_pass here, or sample with Base Sampling and Second Sampling.",
            "steps",
        )


def _samplers_after(dynprompt: Any, node_id: str, passed_on: tuple[str, ...]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every other pack's sampler that gets the node's first output, also through nodes in between.

    Each as its type, its name for a reader, and its inputs. `passed_on`: types of outputs that hand it on.
    """
    fed: dict[tuple[str, int], list[str]] = defaultdict(list)
    for other in dynprompt.all_node_ids():
        for value in dynprompt.get_node(other)["inputs"].values():
            if is_link(value):
                fed[(value[0], value[1])].append(other)
    samplers, seen, ahead = [], set(), [(node_id, 0)]
    while ahead:
        for other in fed[ahead.pop()]:
            if other in seen:
                continue
            seen.add(other)
            node = dynprompt.get_node(other)
            kind, inputs = node["class_type"], node["inputs"]
            if kind.startswith("HiresFix"):
                continue
            outputs = getattr(node_class(kind), "RETURN_TYPES", ())
            is_steered = any(is_link(inputs.get(name)) for name in _steered_by(kind))
            if is_steered and _RESULTS & set(outputs):
                samplers.append((kind, f"{kind} (node {other})", inputs))
                continue
            ahead += [(other, index) for index, output in enumerate(outputs) if output in passed_on]
    return samplers


def _steered_by(kind: str) -> list[str]:
    """Inputs of a node, as it declares them, that make it a sampler where it also takes a latent."""
    declared = node_class(kind).INPUT_TYPES()
    groups = (declared.get("required", {}), declared.get("optional", {}))
    return [name for group in groups for name, spec in group.items() if spec[0] in ("MODEL", "GUIDER")]


def _adds_noise(dynprompt: Any, kind: str, inputs: dict[str, Any]) -> bool:
    noise = inputs.get("noise")
    if noise is not None and is_link(noise):
        return dynprompt.get_node(noise[0])["class_type"] in _NOISES
    return kind == "KSampler" or inputs.get("add_noise") in ("enable", True)
