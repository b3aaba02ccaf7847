"""txt2img: a batch as a graph of the pack's nodes, with or without hires fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...hires.graph import stages
from .asked import Asked
from .graph import Control, StrictGraph, controlled, finish, how_asked, passes_of, tiles
from .house import House
from .requests import Txt2Img

NAME = "txt2img"


def graph_of(asked: Asked[Txt2Img], number: int, house: House, controls: Sequence[Control] = ()) -> StrictGraph:
    """The graph of a batch, counted from 0.

    Raises:
        GraphError: a value that a node does not take.
        ApiError: a prompt asks for what cannot be loaded.
    """
    graph = StrictGraph(NAME)
    settings = asked.iteration(number)
    hires = settings.hires
    graph.stage("Model and prompts")
    passes = passes_of(graph, asked, number, house)
    first = last = controlled(graph, passes.first(), controls)
    if hires:
        graph.column()
        last = controlled(graph, passes.second(hires), controls, is_hires=True)
    graph.stage("First pass")
    empty = stages.empty_picture(graph, *asked.size, asked.batch_size)
    graph.column()
    told = how_asked(settings)
    latent = base = stages.first_pass(graph, passes.sampling(first, **told), passes.noise, empty)
    if hires:
        own: dict[str, Any] = {"sampler": hires.hr_sampler_name, "scheduler": hires.hr_scheduler}
        second = passes.sampling(last, **{**told, **{name: value for name, value in own.items() if value}})
        graph.stage("Upscale")
        # A1111 decodes before it changes the model, and encodes after
        picture = stages.base_picture(graph, base, first.decoder) if first.decoder != second.vae else None
        enlarged = passes.enlarged(hires, second, base, picture, **tiles(asked.options))
        graph.stage("Second pass")
        steps = hires.hr_second_pass_steps
        latent = stages.second_pass(graph, second, passes.noise, enlarged, hires.denoising_strength, steps)
    finish(graph, latent, last)
    return graph
