"""txt2img: a batch as a graph of the pack's nodes, with or without hires fix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from ...hires.graph import stages
from ...hires.infotext.settings import GenerationSettings, HiresSettings
from ...hires.sampling.menus import LATENT_MODES
from ..errors import failed
from .asked import Asked
from .graph import Control, StrictGraph, controlled, finish, how_asked, passes_of, tiles
from .house import House
from .pictures import decoded
from .placing import flattened
from .requests import Txt2Img

NAME = "txt2img"


def given_picture(asked: Asked[Txt2Img]) -> Image.Image | None:
    """The picture that takes the place of the first pass, if the request brings one. Raises ApiError."""
    if not asked.request.firstpass_image:
        return None
    picture = flattened(decoded(asked.request.firstpass_image), str(asked.options["img2img_background_color"]))
    hires = asked.settings.hires
    if hires and hires.hr_upscaler in LATENT_MODES and picture.size != asked.sides:
        found, wanted = (f"{width}x{height}" for width, height in (picture.size, asked.sides))
        raise failed(
            "ValueError",
            f"firstpass_image has {found} pixels, and width and height say {wanted}. For {hires.hr_upscaler!r} they "
            "have to be the same; or choose a pixel upscaler.",
        )
    return picture


def graph_of(
    asked: Asked[Txt2Img], number: int, house: House, controls: Sequence[Control] = (), given: str | None = None
) -> StrictGraph:
    """The graph of a batch, counted from 0. `given`: the picture of `given_picture`, in the host's folders.

    Raises:
        GraphError: a value that a node does not take.
        ApiError: a prompt asks for what cannot be loaded.
    """
    graph = StrictGraph(NAME)
    settings = asked.iteration(number)
    hires = settings.hires
    graph.stage("Model and prompts")
    passes = passes_of(graph, asked, number, house, **(_counted(settings, hires) if given and hires else {}))
    first = None if given else controlled(graph, passes.first(), controls)
    if first and hires:
        graph.column()
    second = controlled(graph, passes.second(hires), controls, is_hires=True) if hires else None
    last = second or first
    if last is None:
        raise failed("ValueError", "firstpass_image needs enable_hr.")
    told = how_asked(settings)
    picture = None
    if first:
        graph.stage("First pass")
        empty = stages.empty_picture(graph, *asked.size, asked.batch_size)
        graph.column()
        latent = stages.first_pass(graph, passes.sampling(first, **told), passes.noise, empty)
    else:
        graph.stage("Picture")
        picture = stages.load_picture(graph, given)
        if hires and hires.hr_upscaler in LATENT_MODES:
            vae = last.models.vae
            latent = graph.node("HiresFixEncodeAnySize", image=picture, vae=vae, numbers="A1111").out()
        else:  # of which only the number counts
            latent = stages.empty_picture(graph, *asked.size, asked.batch_size)
    if hires:
        own: dict[str, Any] = {"sampler": hires.hr_sampler_name, "scheduler": hires.hr_scheduler}
        shared = passes.sampling(last, **{**told, **{name: value for name, value in own.items() if value}})
        graph.stage("Upscale")
        more: dict[str, Any] = tiles(asked.options)
        if first is None:
            more["noise"] = None  # A1111 has seeded nothing by then
        elif first.decoder != shared.vae:
            # A1111 decodes before it changes the model, and encodes after
            picture = stages.base_picture(graph, latent, first.decoder)
        sides = asked.sides if given or asked.sides != asked.size else None
        enlarged = passes.enlarged(hires, shared, latent, sides, image=picture, **more)
        graph.stage("Second pass")
        steps = hires.hr_second_pass_steps
        latent = stages.second_pass(graph, shared, passes.noise, enlarged, hires.denoising_strength, steps)
    finish(graph, latent, last)
    return graph


def _counted(settings: GenerationSettings, hires: HiresSettings) -> dict[str, Any]:
    """How prompts count steps where no first pass is there to tell them."""
    return {
        "steps": settings.steps,
        "for_pass": "second pass",
        "hr_second_pass_steps": hires.hr_second_pass_steps,
        "sampler_name": settings.sampler_name,
        "hr_sampler_name": hires.hr_sampler_name,
    }
