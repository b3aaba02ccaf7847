"""A1111's text of its Extras tab, which PNG files carry as `postprocessing`, and those it saves also as `extras`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...graph.passthrough import MADE_UPSCALERS
from ...model_names import stem
from ...sampling.menus import FILTERS, NONE, second_is_seen
from ...sizes.image_sizes import Size
from ..names import upscaler_title
from ..text import Parameter
from ..write import shown
from .not_in_text import is_in_text, parameters_not_in_text
from .walk import PictureGraph

EXTRAS_KEYS = ("postprocessing", "extras")
"""Under which a file holds the text."""

UPSCALE_IMAGE, RESTORE_FACES = "HiresFixUpscaleImage", "HiresFixRestoreFaces"

_GFPGAN, _CODEFORMER = "GFPGAN", "CodeFormer"
"""What A1111 restores faces with, as its text and the names of the files say."""


def upscale_parameters(
    upscaler: str,
    resize: float | Size,
    crop: bool,
    max_side: int = 0,
    second: str | None = None,
    source: Size | None = None,
) -> list[Parameter]:
    """What the text says of upscaled pictures; see `UpscaleRequest`.

    Args:
        max_side: 0 for no limit. A1111 writes it where it has an effect.
        second: the other upscaler, None where it is not seen. A1111 has no word for how much it is.
        source: size of the picture that was upscaled; None if it is not known.
    """
    if isinstance(resize, tuple):
        to = f"{resize[0]}x{resize[1]}"
        rows: list[tuple[str, Any]] = [("Postprocess upscale to", to), *([("Postprocess crop to", to)] if crop else [])]
    else:
        is_limited = max_side and (source is None or max(source) * resize > max_side)
        limit = [("Max side length", max_side)] if is_limited else []
        rows = [("Postprocess upscale by", resize), *limit]
    rows.append(("Postprocess upscaler", upscaler_name(upscaler)))
    rows += [("Postprocess upscaler 2", upscaler_name(second))] if second else []
    return [Parameter(key, shown(value)) for key, value in rows]


def extras_text(parameters: Iterable[Parameter]) -> str:
    """The text itself."""
    return ", ".join(map(str, parameters))


def upscaler_name(file: str) -> str:
    """A1111's name of what is in the list of upscalers."""
    return file if file in FILTERS else upscaler_title(file)


def extras_of_graph(prompt: Any, node_id: str) -> list[Parameter]:
    """What the text says of the picture that reaches a node; nothing if neither was upscaled nor had faces restored.

    Other nodes after its sampling or loading are named.
    """
    walk = PictureGraph(prompt)
    parameters, covered = extras_of(walk, node_id)
    others = [walk[node].kind for node in _way(walk, node_id) if node not in covered and node != node_id]
    sources = (walk[node].source(name) for node in covered for name in ("upscaler", "upscaler_2"))
    others += [walk[node].kind for node in sources if walk[node].kind in MADE_UPSCALERS]
    not_in_text = dict.fromkeys(kind for kind in others if not is_in_text(kind))
    return [*parameters, *parameters_not_in_text(not_in_text)] if parameters else []


def extras_of(walk: PictureGraph, node_id: str) -> tuple[list[Parameter], set[str]]:
    """What was done to a picture after it was sampled or loaded, and the nodes that this covers.

    A1111 does each thing once: of several upscales, or restorations with one kind of model, the last is in the text.
    """
    parameters: dict[str, list[Parameter]] = {}
    keys: set[str] = set()
    for node in _way(walk, node_id):
        found = _upscale(walk, node) if walk[node].kind == UPSCALE_IMAGE else _faces(walk, node)
        thing = {parameter.key.split()[0] for parameter in found or ()} - {"Max"}
        if found is not None and not thing & keys:
            parameters[node] = found
            keys |= thing
    return [parameter for found in reversed(parameters.values()) for parameter in found], set(parameters)


def _way(walk: PictureGraph, node_id: str) -> Iterator[str]:
    """The nodes that a picture comes through as a picture, the nearest first."""
    return walk.upstream(node_id, lambda node, name: name.startswith("image") and not walk.draws(node))


def _upscale(walk: PictureGraph, node: str) -> list[Parameter] | None:
    """None if it is not known."""
    if walk.draws(node):
        return None
    first, second = walk.upscaler(node), None
    if walk[node].source("upscaler_2") is not None:
        second, visibility = walk.upscaler(node, "upscaler_2"), walk[node].number("extras_upscaler_2_visibility")
        if second is None or visibility is None:
            return None
        second = second if second_is_seen(second, visibility) else None
    crop, limit = walk[node].flag("upscaling_crop"), walk[node].whole("max_side", 0)
    width, height = walk[node].whole("upscaling_resize_w"), walk[node].whole("upscaling_resize_h")
    resize = None if width is None or height is None else (width, height)
    if walk[node].text("resize_mode") == "scale by":
        resize = walk[node].number("upscaling_resize")
    if first is None or resize is None or crop is None or limit is None:
        return None
    if first == NONE and walk[node].text("numbers") == "A1111":
        return []  # which leaves the picture as it is
    return upscale_parameters(first, resize, crop, limit, second)


def _faces(walk: PictureGraph, node: str) -> list[Parameter] | None:
    """None if these are no faces, or a model that A1111 does not have."""
    loader, visibility = walk[node].source("face_model"), walk[node].number("visibility")
    file = walk[loader].text("face_model_name") or walk[loader].text("model_name") or ""
    model = next((name for name in (_GFPGAN, _CODEFORMER) if name.lower() in stem(file).lower()), None)
    weight = walk[node].number("codeformer_weight")
    if walk[node].kind != RESTORE_FACES or model is None or visibility is None or weight is None:
        return None
    if not visibility:
        return []
    rows = [(f"{model} visibility", visibility), *([(f"{model} weight", weight)] if model == _CODEFORMER else [])]
    return [Parameter(key, shown(round(value, 3))) for key, value in rows]
