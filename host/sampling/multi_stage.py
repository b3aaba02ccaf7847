"""Upscaling in stages as a graph of the pack's own nodes, which the host runs in place of one node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_execution.graph_utils import GraphBuilder, is_link
from comfy_execution.utils import get_executing_context

from ...hires.images.checks import check_image
from ...hires.plan.multi_stage import StagesPlan, StagesRequest
from ...hires.sizes.regions import Move, places
from ...hires.tiles.settings import TileSettings
from ..latents.codec import cell_of
from ..memory import check_memory
from ..node_classes import node_class
from ..upscaling.upscalers import as_upscaler

NAME = "Multi-Stage Upscale"
"""Of the node, in the editor."""

_PARTS = {
    "HiresFixUpscaleImage": "upscale",
    "HiresFixEncodeAnySize": "encode",
    "HiresFixRenoise": "renoise",
    "HiresFixSecondSampling": "sample",
    "HiresFixDecodeToSize": "decode",
}
"""Nodes that a stage consists of, and their names in the graph, before the number of the stage."""

_INPUTS = {"latent": "vae", "sigmas": "steps", "hr_second_pass_steps": "steps"}
"""Inputs of theirs that the node does not have, and the one that decides about it."""

Wires = Mapping[str, Any]
"""Input name -> the link it came by, or its value."""


@dataclass(frozen=True)
class RedrawSettings:
    """How a redraw samples."""

    steps: int
    """All of them run after each stage, whatever the strength."""

    cfg: float
    sampler_name: str
    scheduler: str


def plan_stages(values: Mapping[str, Any], request: StagesRequest) -> StagesPlan:
    """Plan the stages.

    `values`: "image", "upscaler" and those of `REDRAW`, None where nothing is connected.

    Raises:
        InputError: see `check_image`, `as_upscaler` and `StagesRequest.plan`; there is no room for the stages' results.
    """
    image = values["image"]
    check_image(image)
    source, count = (image.shape[2], image.shape[1]), len(image)
    plan = request.plan(source, as_upscaler(values["upscaler"]).scale, count, image.shape[-1])
    width, height = plan.sizes[-1]
    check_memory(
        f"{count} pictures of {source[0]}x{source[1]} pixels would become {width}x{height} in {len(plan.sizes)} stages",
        plan.needed,
        "upscaling_resize_w" if isinstance(request.resize, tuple) else "upscaling_resize",
    )
    return plan


def expand(
    plan: StagesPlan, wires: Wires, values: Wires, redraw: RedrawSettings, tiles: TileSettings
) -> tuple[Any, Any]:
    """Build the graph: the link to the finished pictures, and the graph in the host's form.

    `wires` is what comes in, see `wires_of`; `values` the same as values.
    """
    graph = GraphBuilder()
    picture = wires["image"]
    moves = plan.moves(cell_of(values["vae"])) if any(plan.strengths) else []
    for number, ((width, height), strength) in enumerate(zip(plan.sizes, plan.strengths, strict=True), start=1):
        picture = graph.node(
            "HiresFixUpscaleImage",
            f"upscale{number}",
            image=picture,
            upscaler=wires["upscaler"],
            resize_mode="scale to",
            upscaling_resize=1.0,
            upscaling_resize_w=width,
            upscaling_resize_h=height,
            upscaling_crop=True,
            tile_size=tiles.size,
            tile_overlap=tiles.overlap,
        ).out(0)
        if strength > 0:
            prompts = _prompts(wires, values, moves[number - 1])
            picture = _redrawn(graph, number, picture, strength, {**wires, **prompts}, redraw)
    return picture, graph.finalize()


def _prompts(wires: Wires, values: Wires, move: Move) -> dict[str, Any]:
    """The prompts of a stage: as they came in, or with what counts pixels in them moved."""
    prompts = {}
    for name in ("positive", "negative"):
        moves = bool(places(extra for _, extra in values[name]))
        prompts[name] = move.cond(values[name]) if moves else wires[name]
    return prompts


def _redrawn(
    graph: GraphBuilder, number: int, picture: Any, strength: float, wires: Wires, redraw: RedrawSettings
) -> Any:
    model, noise, vae = wires["model"], wires["noise"], wires["vae"]
    latent = graph.node("HiresFixEncodeAnySize", f"encode{number}", image=picture, vae=vae).out(0)
    noised = graph.node(
        "HiresFixRenoise",
        f"renoise{number}",
        model=model,
        latent=latent,
        noise=noise,
        steps=redraw.steps,
        denoising_strength=strength,
        hr_second_pass_steps=0,
        sampler_name=redraw.sampler_name,
        scheduler=redraw.scheduler,
    )
    sampled = graph.node(
        "HiresFixSecondSampling",
        f"sample{number}",
        model=model,
        positive=wires["positive"],
        negative=wires["negative"],
        latent=noised.out(0),
        sigmas=noised.out(1),
        noise=noise,
        cfg=redraw.cfg,
        sampler_name=redraw.sampler_name,
        **({} if wires["hooks"] is None else {"hooks": wires["hooks"]}),
    ).out(0)
    return graph.node("HiresFixDecodeToSize", f"decode{number}", latent=sampled, vae=vae, image=picture).out(0)


def visible_input(node_id: str, display_name: str, input_name: str) -> tuple[str, str]:
    """Name the node and the input that a person sees: those of Multi-Stage Upscale, if the node works in its place."""
    context = get_executing_context()
    # the host puts numbers between the name of the node that is replaced and those of `expand`
    stage = re.search(rf"\.\d+\.{_PARTS.get(node_id, ' ')}(\d+)$", str(context.node_id) if context else "")
    if stage is None:
        return display_name, input_name
    return f"{NAME}, stage {stage[1]} ({display_name})", _INPUTS.get(input_name, input_name)


def wires_of(dynprompt: Any, node_id: str, values: Mapping[str, Any]) -> Wires:
    """Wire inputs of a node on, to the nodes it becomes; `values` is what came in, by input name.

    A link lets the host recognise what it has made before; a bare value never does. But the link of one item of a
    list would bring the whole list, so where one is possible the value goes on.
    """
    links = dynprompt.get_node(node_id)["inputs"]
    return {
        name: links[name] if is_link(links.get(name)) and not _after_a_list(dynprompt, links[name][0]) else value
        for name, value in values.items()
    }


def _after_a_list(dynprompt: Any, node_id: str) -> bool:
    """Tell whether this node or one before it gives a list."""
    seen, ahead = set(), [node_id]
    while ahead:
        node = ahead.pop()
        if node in seen:
            continue
        seen.add(node)
        info = dynprompt.get_node(node)
        if any(getattr(node_class(info["class_type"]), "OUTPUT_IS_LIST", None) or ()):
            return True
        ahead += [value[0] for value in info["inputs"].values() if is_link(value)]
    return False
