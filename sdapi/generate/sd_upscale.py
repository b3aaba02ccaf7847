"""A1111's script SD upscale: a picture enlarged, cut into tiles, each redrawn by img2img, and put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...hires.graph import stages
from ...hires.sampling.menus import FILTERS, NONE
from ..errors import failed
from .asked import Asked
from .graph import StrictGraph, hand_over, how_asked, passes_of, tiles, upscaler_of
from .house import House
from .requests import Img2Img

NAME = "sd-upscale"
_NEEDED = 4
_SHOWN = 20
_LARGEST = 64
"""Factor."""


@dataclass(frozen=True)
class SdUpscale:
    """The script's arguments."""

    overlap: int
    upscaler: str
    """What Load Upscaler calls it."""
    title: str
    """A1111's name of it."""
    factor: float

    @property
    def said(self) -> dict[str, Any]:
        """What the text tells of it."""
        return {"SD upscale overlap": self.overlap, "SD upscale upscaler": self.title}


def arguments(asked: Asked[Img2Img], house: House) -> SdUpscale:
    """The arguments of a request; the first one is a place of the page. Raises ApiError."""
    sent = asked.request.script_args or []
    if len(sent) < _NEEDED:
        raise failed("TypeError", f"SD upscale takes 4 script_args: null, overlap, upscaler, factor. {len(sent)} came.")
    if asked.request.mask:
        raise failed("NotImplementedError", "SD upscale with a mask is not done here: send none.")
    if asked.options["img2img_color_correction"]:
        raise failed("NotImplementedError", "SD upscale with img2img_color_correction is not done here: turn it off.")
    if asked.request.denoising_strength is None:
        raise failed("TypeError", "denoising_strength is null; send 0 to 1.")
    _, overlap, name, factor = sent[:_NEEDED]
    if isinstance(overlap, bool) or not isinstance(overlap, int) or not isinstance(factor, (int, float)):
        raise failed(
            "TypeError", f"SD upscale: overlap is a whole number and factor a number, not {overlap!r}, {factor!r}."
        )
    if not 0 <= overlap <= max(asked.size) or not 0 < factor <= _LARGEST:
        raise failed(
            "ValueError",
            f"SD upscale: the overlap is {str(overlap)[:_SHOWN]}, the factor {str(factor)[:_SHOWN]}; overlaps are 0 to "
            f"less than a tile, factors above 0 and up to {_LARGEST}.",
        )
    if overlap in asked.size:
        raise failed(
            "ZeroDivisionError", f"SD upscale: the overlap of {overlap} leaves nothing of a tile of {asked.size}."
        )
    found = _upscaler(name, house)
    return SdUpscale(overlap, found, house.upscaler_title(found), float(factor))


def graph_of(asked: Asked[Img2Img], script: SdUpscale, number: int, house: House, picture: str) -> StrictGraph:
    """One repeat of the whole picture as a graph. `picture`: in the host's folders. Raises GraphError, ApiError."""
    graph = StrictGraph(NAME)
    settings = asked.iteration(0)  # its variation seed stays, too
    graph.stage("Model and prompts")
    counted: dict[str, Any] = {"steps": settings.steps, "for_pass": "first pass", "sampler_name": settings.sampler_name}
    passes = passes_of(graph, asked, 0, house, seed=(asked.settings.seed or 0) + number, **counted)
    only = passes.first()
    graph.stage("Upscale")
    image = stages.load_picture(graph, picture)
    if script.upscaler != NONE:
        image = graph.node(
            "HiresFixUpscaleImage",
            image=image,
            upscaler=upscaler_of(graph, script.upscaler, asked.options),
            resize_mode="scale by",
            upscaling_resize=script.factor,
            numbers="A1111",
            **tiles(asked.options),
        ).out("image")
    graph.stage("Tiles")
    width, height = asked.size
    sides: dict[str, Any] = {"tile_width": width, "tile_height": height, "overlap": script.overlap, "numbers": "A1111"}
    split = graph.node("HiresFixSplitTiles", image=image, **sides)
    layout, vae = split.out(1), only.models.vae
    given: dict[str, Any] = {"tiles": split.out(0), "layout": layout, "vae": vae, "noise": passes.noise}
    encoded = graph.node("HiresFixEncodeTiles", batch_size=asked.batch_size, **given)
    graph.stage("Redraw")
    told = how_asked(settings)
    strength = min(float(asked.request.denoising_strength or 0.0), 1.0)
    shared = passes.sampling(only, **told)
    drawn = stages.second_pass(graph, shared, encoded.out(1), encoded.out(0), strength, steps_rule="img2img")
    graph.stage("Result")
    pieces = graph.node("HiresFixDecodeTiles", latent=drawn, layout=layout, vae=only.decoder).out()
    hand_over(graph, graph.node("HiresFixCombineTiles", tiles=pieces, layout=layout).out())
    return graph


def _upscaler(name: Any, house: House) -> str:
    """A1111 takes the name in any case, or a place in its list."""
    if isinstance(name, int) and not isinstance(name, bool):
        if 0 <= name < len(FILTERS):
            return FILTERS[name]
        raise failed("ValueError", f"SD upscale: upscaler number {name} is not known here; send its name.")
    plain = str(name).lower()
    known = [*FILTERS, *(house.upscaler_title(file) for file in house.files.upscalers)]
    title = next((one for one in known if one.lower() == plain), None)
    found = title and house.upscaler(title)
    if not found:
        raise failed("ValueError", f"could not find upscaler named {name}")
    return found
