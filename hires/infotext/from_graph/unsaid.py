"""What a picture depends on and A1111's generation text does not say: no text should look complete that is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...graph.walk import SIDES, GraphWalk
from ...sampling.settings import DEFAULTS, INFOTEXT_KEYS
from ..settings import GenerationSettings
from ..text import Parameter
from .controls import PICTURES, is_control

UNSAID = "Not in this text"
"""Key of the text under which such things are named."""

PROMPTS = dict(zip(SIDES, ("prompt", "negative prompt"), strict=True))
"""What a prompt is called there."""

_SAID_OR_NO_CHANGE = frozenset(
    (
        *("HiresFixBaseSampling", "HiresFixSecondSampling", "HiresFixRenoise", "HiresFixTargetSize", "HiresFixPrompt"),
        *("HiresFixEncodeAnySize", "HiresFixDecodeToSize", "HiresFixLoadImage", "HiresFixSaveImage"),
        *("HiresFixUpscalerLoader", "HiresFixFaceModelLoader", "UpscaleModelLoader"),
        *("CLIPTextEncode", "CLIPSetLastLayer", "ConditioningZeroOut"),
        *("VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled"),
        *("LoadImage", "SaveImage", "PreviewImage", "GetImageSize", "Reroute"),
    )
)
"""Nodes that the text tells of wherever they are, and nodes that change nothing. Of others it tells only if their
values were read, see `unsaid_nodes`."""

_BACKTRACK, _USUAL_BACKTRACK = "comma_padding_backtrack", 20
"""An input of A1111 Prompt, and A1111's default."""

_NOISES = ("HiresFixNoise", "RandomNoise")
_SETTINGS, _REFINER = "settings", "refiner"

_SOCKETS = frozenset(
    (
        *("model", "clip", "vae", *SIDES, "conditioning", "noise", _SETTINGS, _REFINER, "guider", "sampler", "sigmas"),
        *("latent", "latent_image", "samples", "image", "images", "pixels", "mask"),
    )
)
"""Inputs for more than a value."""


def unsaid_parameters(names: Iterable[str]) -> list[Parameter]:
    """What the text says of such things: their names, if there are any."""
    named = ", ".join(names)
    return [Parameter(UNSAID, named)] if named else []


def missing_values(settings: GenerationSettings) -> Iterator[str]:
    """The keys whose values other nodes work out while the graph runs; options without a key."""
    values = {
        "Steps": settings.steps,
        "Sampler": settings.sampler_name,
        "Schedule type": settings.scheduler,
        "CFG scale": settings.cfg_scale,
        "Seed": settings.seed,
        "Size": None if settings.width is None else settings.height,
        "Model": settings.checkpoint,
        "Denoising strength": settings.hires.denoising_strength if settings.hires else 0,
    }
    yield from (key for key, value in values.items() if value is None)
    # options that A1111 itself does not write down
    silent = DEFAULTS.keys() - INFOTEXT_KEYS.values()
    yield from (name for name in DEFAULTS if name in silent and getattr(settings.options, name) != DEFAULTS[name])


def unsaid_nodes(
    walk: GraphWalk, node_id: str, first: str, second: str | None, settings: GenerationSettings, told: Iterable[str]
) -> Iterator[str]:
    """The types of the nodes that the picture depends on and the text does not tell of; some may come twice.

    Args:
        walk: the graph.
        node_id: the node that saves the picture.
        first: Base Sampling.
        second: Second Sampling.
        settings: what is said.
        told: nodes whose values are said. Others of the same type with the same inputs say the same.
    """
    latent, noise = walk.source(first, "latent"), walk.source(first, "noise")
    same = {_form(walk, node) for node in told}
    if noise is not None and walk.kind(noise) in _NOISES:
        same.add(_form(walk, noise))
    for name in (_SETTINGS, _REFINER):
        of_passes = [_form(walk, walk.source(sampling, name)) for sampling in (first, second) if sampling]
        if name == _REFINER or len(set(of_passes)) == 1:
            same |= {of_passes[-1] or of_passes[0]}
    for node in _needed(walk, node_id):
        if is_said(walk.kind(node)) or (walk.kind(node).startswith("Empty") and node == latent):
            continue
        if _form(walk, node) not in same:
            yield walk.kind(node)
        elif walk.text(node, "weight_dtype") not in (None, "default"):
            yield f"weight_dtype {walk.text(node, 'weight_dtype')}"
    if latent is not None and not walk.kind(latent).startswith("Empty"):
        yield walk.kind(latent)
    yield from _unlike_prompts(walk, first, second, settings)


def is_said(kind: str) -> bool:
    """Whether the text tells of nodes of this type wherever they are, or they change nothing."""
    return kind in _SAID_OR_NO_CHANGE or kind.startswith("Primitive")


def _needed(walk: GraphWalk, node_id: str) -> Iterator[str]:
    """All that the picture which reaches a node is made with, the nearest first."""

    def follow(node: str, name: str) -> bool:
        if node == node_id and "images" in walk.inputs(node):
            return name == "images"
        if name == "face_landmarks" or (is_control(walk.kind(node)) and name in PICTURES):
            return False
        source = walk.source(node, name)
        return name in _SOCKETS or source is None or walk.held(source) is None

    return (node for node in walk.upstream(node_id, follow) if node != node_id)


def _unlike_prompts(walk: GraphWalk, first: str, second: str | None, settings: GenerationSettings) -> Iterator[str]:
    """What the text says once and the prompts have in several ways; refiners with prompts of their own."""
    said = {
        "Clip skip": settings.clip_skip,
        "Emphasis": settings.emphasis,
        "Pad conds": settings.pad_cond_uncond,
    }
    for sampling in (first, second) if second else (first,):
        refiner = walk.source(sampling, _REFINER)
        for side in SIDES:
            for node in walk.prompt_nodes(sampling, side):
                if "text" in walk.inputs(node):
                    found = walk.encoding(node)
                    yield from (key for key, value in zip(said, found, strict=True) if said[key] != value)
                    if walk.whole(node, _BACKTRACK) not in (None, _USUAL_BACKTRACK):
                        yield _BACKTRACK
            if refiner is not None and walk.words(refiner, side) != walk.words(sampling, side):
                yield walk.kind(refiner)


def _form(walk: GraphWalk, node: str | None) -> tuple[str, str] | None:
    """Type and values; nodes that have both the same say the same."""
    if node is None:
        return None
    values = {name: walk.value(node, name, object) for name in walk.inputs(node) if name not in _SOCKETS}
    return walk.kind(node), repr(values)
