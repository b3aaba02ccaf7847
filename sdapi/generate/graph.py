"""What the graphs of all requests are made with: a graph that takes nothing but what the nodes take, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...hires.graph import stages
from ...hires.graph.builder import Graph, Node, Output
from ...hires.infotext.names import is_ldsr_file
from ...hires.infotext.settings import GenerationSettings
from ...hires.infotext.to_graph.fitting import FittingGraph
from ...hires.infotext.to_graph.loaders import Loaders
from ...hires.infotext.to_graph.passes import Pass, Passes
from ..errors import failed
from ..option_table import LDSR_STEPS
from .asked import Asked, Options
from .house import House

NO_TILES = 4096
"""A1111's tile size 0, as the nodes say it."""

GIVES = "PreviewImage"
"""Hands pictures over. Whoever has asked for them keeps them, with their texts."""


class StrictGraph(FittingGraph):
    """What does not fit is refused: a client gets what it has asked for, or a sentence."""

    def remark(self, line: str) -> None:
        raise failed("ValueError", line)

    def fitting(self, kind: str, name: str, value: Any) -> Any:
        """As it is: the node's definition judges it."""
        return value

    def node(self, type_name: str, /, *, title: str | None = None, folded: bool = False, **inputs: Any) -> Node:
        """Add a node. Raises GraphError as `Graph.node`."""
        return Graph.node(self, type_name, title=title, folded=folded, **inputs)


def passes_of(
    graph: StrictGraph, asked: Asked[Any], number: int, house: House, seed: int | None = None, **prompt: Any
) -> Passes:
    """The parts of a batch's passes. `seed`: another one than the batch's; `prompt`: inputs of every prompt node."""
    settings = asked.iteration(number)
    settings = settings if seed is None else replace(settings, seed=seed)
    backtrack = int(asked.options["comma_padding_backtrack"])
    loaders = Loaders(graph, house.files, settings.vae, ldsr_steps=int(asked.options[LDSR_STEPS]))
    return Passes(graph, settings, loaders, comma_padding_backtrack=backtrack, **prompt)


@dataclass(frozen=True)
class Control:
    """A ControlNet of a job, with its pictures in the host's folders."""

    file: str
    picture: str | None
    """None: it does not work in the first pass."""

    weight: float
    start: float
    end: float
    hires_picture: str | None = None
    """The same of the second pass of hires fix."""


def controlled(graph: StrictGraph, of: Pass, controls: Sequence[Control], is_hires: bool = False) -> Pass:
    """A pass with ControlNets on its prompts."""
    for control in controls:
        picture = control.hires_picture if is_hires else control.picture
        if picture is None:
            continue
        loader = graph.node("ControlNetLoader", control_net_name=control.file)
        applied = graph.node(
            "ControlNetApplyAdvanced",
            positive=of.positive,
            negative=of.negative,
            control_net=loader.out(0),
            image=stages.load_picture(graph, picture),
            strength=control.weight,
            start_percent=control.start,
            end_percent=control.end,
            vae=of.models.vae,
        )
        of = replace(of, positive=applied.out(0), negative=applied.out(1))
    return of


def how_asked(settings: GenerationSettings) -> dict[str, Any]:
    """How the first pass is sampled, for `Passes.sampling`."""
    return {"cfg": settings.cfg_scale, "sampler": settings.sampler_name, "scheduler": settings.scheduler}


def upscaler_of(graph: StrictGraph, file: str, options: Options) -> Output:
    """What Load Upscaler calls so, with A1111's settings of it."""
    upscaler = stages.load_upscaler(graph, file)
    return stages.ldsr_settings(graph, upscaler, int(options[LDSR_STEPS])) if is_ldsr_file(file) else upscaler


def tiles(options: Options) -> dict[str, Any]:
    """A1111's tiles of pixel upscalers, as inputs of the nodes."""
    size, overlap = int(options["ESRGAN_tile"]), int(options["ESRGAN_tile_overlap"])
    return {"tile_size": size or NO_TILES, "tile_overlap": overlap}


def finish(graph: StrictGraph, latent: Output, last: Pass) -> None:
    """Decode and hand over."""
    graph.stage("Result")
    hand_over(graph, graph.node("VAEDecode", samples=latent, vae=last.decoder).out())


def hand_over(graph: StrictGraph, images: Output) -> None:
    """The end of every graph."""
    graph.node(GIVES, images=images)
