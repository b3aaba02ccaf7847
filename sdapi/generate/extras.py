"""A1111's Extras tab: one picture as a graph, and what the reply says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...hires.infotext.from_graph.extras import extras_text, upscale_parameters
from ...hires.sampling.menus import NONE, second_is_seen
from ..errors import failed
from .graph import StrictGraph, hand_over, tiles, upscaler_of
from .house import House
from .requests import Extras

TEXT = "postprocessing"
"""Key of the text in PNG files."""


def graph_of(request: Extras, picture: str, options: Mapping[str, Any], house: House) -> StrictGraph:
    """The graph for a picture in the host's folders.

    Raises:
        ApiError: an upscaler that is not there, or something that is not done here.
        GraphError: a value that the node does not take.
    """
    first, second = _upscaler(request.upscaler_1, house), _upscaler(request.upscaler_2, house)
    if request.gfpgan_visibility or request.codeformer_visibility:
        name = "gfpgan_visibility" if request.gfpgan_visibility else "codeformer_visibility"
        raise failed("NotImplementedError", f"{name}: faces are not restored over this API yet. Send 0.")
    graph = StrictGraph("extras")
    graph.stage("Picture")
    image = graph.node("HiresFixLoadImage", image=picture, channels="as in the file").out("image")
    graph.stage("Upscale")
    more: dict[str, Any] = {}
    if second_is_seen(second, request.extras_upscaler_2_visibility):
        more["upscaler_2"] = upscaler_of(graph, second, options)
        more["extras_upscaler_2_visibility"] = request.extras_upscaler_2_visibility
    upscaler = upscaler_of(graph, first, options)
    large = graph.node(
        "HiresFixUpscaleImage", image=image, upscaler=upscaler, **upscale_inputs(request, options), **more
    )
    graph.stage("Result")
    hand_over(graph, large.out("image"))
    return graph


def upscale_inputs(request: Extras, options: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of Upscale Image, but for the picture and the upscalers."""
    return {
        "resize_mode": "scale to" if request.resize_mode else "scale by",
        "upscaling_resize": float(request.upscaling_resize),
        "upscaling_resize_w": request.upscaling_resize_w,
        "upscaling_resize_h": request.upscaling_resize_h,
        "upscaling_crop": bool(request.upscaling_crop),
        "numbers": "A1111",
        **tiles(options),
    }


def text_of(request: Extras) -> str:
    """What A1111 writes into the picture and shows: numbers as they were sent."""
    if request.upscaler_1 == NONE:
        return ""
    second = request.upscaler_2
    to = (request.upscaling_resize_w, request.upscaling_resize_h) if request.resize_mode else request.upscaling_resize
    seen = second if second_is_seen(second, request.extras_upscaler_2_visibility) else None
    found = upscale_parameters(request.upscaler_1, to, bool(request.upscaling_crop), second=seen)
    sent = str(request.upscaling_resize)
    return extras_text(replace(one, value=sent) if one.key == "Postprocess upscale by" else one for one in found)


def _upscaler(name: str, house: House) -> str:
    found = house.upscaler(name)
    if found is None:
        raise failed("AssertionError", f"could not find upscaler named {name}")
    return found
