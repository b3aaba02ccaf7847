"""What a picture depends on and A1111's generation text does not say: no text should look complete that is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...graph.passthrough import changes_nothing
from ...graph.same import settings_of
from ...sampling.settings import DEFAULTS, INFOTEXT_KEYS
from ..settings import GenerationSettings
from ..text import Parameter
from .controls import PICTURES, is_control
from .walk import SIDES, PictureGraph

NOT_IN_TEXT = "Not in this text"
"""Key of the text under which such things are named."""

PROMPTS: dict[str, str] = dict(zip(SIDES, ("prompt", "negative prompt"), strict=True))
"""What a prompt is called there."""

_ALWAYS_IN_TEXT = frozenset(
    (
        *("HiresFixBaseSampling", "HiresFixSecondSampling", "HiresFixPrompt", "HiresFixLoadImage", "HiresFixSaveImage"),
        *("HiresFixUpscalerLoader", "HiresFixFaceModelLoader", "UpscaleModelLoader"),
        *("CLIPTextEncode", "CLIPSetLastLayer", "ConditioningZeroOut", "LoadImage", "SaveImage"),
    )
)
"""Nodes that the text covers wherever they are. Others it covers only if their values were read, see
`nodes_not_in_text`."""

_BACKTRACK, _USUAL_BACKTRACK = "comma_padding_backtrack", 20
"""An input of A1111 Prompt, and A1111's default."""

_NOISES = ("HiresFixNoise", "RandomNoise")
_SETTINGS, _REFINER = "settings", "refiner"

_SOCKETS = frozenset(
    (
        *(
            "model",
            "clip",
            "vae",
            *SIDES,
            "conditioning",
            "noise",
            _SETTINGS,
            _REFINER,
            "hooks",
            "guider",
            "sampler",
            "sigmas",
        ),
        *("latent", "latent_image", "samples", "image", "images", "pixels", "mask"),
    )
)
"""Inputs for more than a value."""


def parameters_not_in_text(names: Iterable[str]) -> list[Parameter]:
    """What the text says of such things: their names, if there are any."""
    named = ", ".join(names)
    return [Parameter(NOT_IN_TEXT, named)] if named else []


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


def nodes_not_in_text(
    walk: PictureGraph,
    node_id: str,
    first: str,
    second: str | None,
    settings: GenerationSettings,
    covered: Iterable[str],
) -> Iterator[str]:
    """The types of the nodes that the picture depends on and the text does not cover; some may come twice.

    `node_id` saves the picture, `first` and `second` are its samplings, `settings` is what the text says. `covered`:
    nodes whose values the text has, and so those of others of the same type with the same inputs.
    """
    latent, noise = walk[first].source("latent"), walk[first].source("noise")
    same = {_form(walk, node) for node in covered}
    if noise is not None and walk[noise].kind in _NOISES:
        same.add(_form(walk, noise))
    for name in (_SETTINGS, _REFINER):
        passes = [walk[sampling] for sampling in (first, second) if sampling]
        sources = [settings_of(one) if name == _SETTINGS else one.source(name) for one in passes]
        of_passes = [_form(walk, source) for source in sources]
        if name == _REFINER or len(set(of_passes)) == 1:
            same |= {of_passes[-1] or of_passes[0]}
    for node in _needed(walk, node_id):
        if is_in_text(walk[node].kind) or (walk[node].kind.startswith("Empty") and node == latent):
            continue
        if _form(walk, node) not in same:
            yield walk[node].kind
        elif walk[node].text("weight_dtype") not in (None, "default"):
            yield f"weight_dtype {walk[node].text('weight_dtype')}"
    if latent is not None and not walk[latent].kind.startswith("Empty"):
        yield walk[latent].kind
    yield from _unlike_prompts(walk, first, second, settings)


def is_in_text(kind: str) -> bool:
    """Whether the text covers nodes of this type wherever they are, or they change nothing."""
    return kind in _ALWAYS_IN_TEXT or changes_nothing(kind)


def _needed(walk: PictureGraph, node_id: str) -> Iterator[str]:
    """All that the picture which reaches a node is made with, the nearest first."""

    def follow(node: str, name: str) -> bool:
        if node == node_id and "images" in walk[node].inputs:
            return name == "images"
        if name == "face_landmarks" or (is_control(walk[node].kind) and name in PICTURES):
            return False
        source = walk[node].source(name)
        return name in _SOCKETS or source is None or walk[source].constant is None

    return (node for node in walk.upstream(node_id, follow) if node != node_id)


def _unlike_prompts(walk: PictureGraph, first: str, second: str | None, settings: GenerationSettings) -> Iterator[str]:
    """What the text says once and the prompts have in several ways; refiners with prompts of their own."""
    in_text = {"Clip skip": settings.clip_skip, "Emphasis": settings.emphasis, "Pad conds": settings.pad_cond_uncond}
    for sampling in (first, second) if second else (first,):
        refiner = walk[sampling].source(_REFINER)
        for side in SIDES:
            for node in walk.prompt_nodes(sampling, side):
                if "text" in walk[node].inputs:
                    found = walk.encoding(node)
                    yield from (key for key, value in zip(in_text, found, strict=True) if in_text[key] != value)
                    if walk[node].whole(_BACKTRACK) not in (None, _USUAL_BACKTRACK):
                        yield _BACKTRACK
            if refiner is not None and walk.words(refiner, side) != walk.words(sampling, side):
                yield walk[refiner].kind


def _form(walk: PictureGraph, node: str | None) -> tuple[str, str] | None:
    """Type and values; nodes that have both the same say the same."""
    if node is None:
        return None
    values = {name: walk[node].value(name) for name in walk[node].inputs if name not in _SOCKETS}
    return walk[node].kind, repr(values)
