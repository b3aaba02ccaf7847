"""Upscaling in stages as a graph of the pack's own nodes, which the host runs in place of one node."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comfy_execution.graph_utils import GraphBuilder, is_link
from comfy_execution.utils import get_executing_context

import nodes as host_nodes

from ...hires import memory
from ...hires.images.checks import check_image
from ...hires.sizes.image_sizes import MAX_SIDE, image_size
from ...hires.sizes.regions import Move, places
from ...hires.sizes.stages import Size, is_redrawn, redraw_strengths, stage_sizes
from ..latents.codec import cell_of
from ..memory import check_memory
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
class Redraw:
    """A light second pass after the stages."""

    steps: int
    """All of them run after each stage, whatever the strength."""

    cfg: float
    sampler_name: str
    scheduler: str
    denoising_strength: float
    """After the first stage, 0 to 1."""

    strength_falloff: float
    """Strength of each later redraw in units of the one before."""

    redraw_last: bool
    """Also after the last stage."""


@dataclass(frozen=True)
class Plan:
    """What is done, in numbers."""

    sizes: list[Size]
    """After each stage."""

    strengths: list[float]
    """Denoising strength after each stage; 0: not redrawn."""

    moves: list[Move]
    """From the picture that came in to each stage: places in the prompts count that one's pixels."""


def plan(values: Mapping[str, Any], resize: float | tuple[int, int], crop: bool, stages: int, redraw: Redraw) -> Plan:
    """Plan the stages.

    Args:
        values: "image", "upscaler" and those of `REDRAW`, None where nothing is connected.
        resize: see `image_size`.
        crop: see `image_size`.
        stages: see `stage_sizes`.
        redraw: how; counts if all of `REDRAW` is there.

    Raises:
        InputError: see `is_redrawn`, `check_image`, `image_size` and `redraw_strengths`; there is no room for the
            stages' results.
    """
    redrawn = is_redrawn([name for name, value in values.items() if value is not None])
    image = values["image"]
    check_image(image)
    source = image.shape[2], image.shape[1]
    target = image_size(*source, resize, crop, MAX_SIDE)  # the sides of its stages are inputs of nodes
    factor = as_upscaler(values["upscaler"]).scale
    sizes = stage_sizes(source, (target.up_width, target.up_height), stages, factor)
    sizes[-1] = target.width, target.height
    strengths, moves = [0.0] * len(sizes), []
    if redrawn:
        falling = redraw.denoising_strength, redraw.strength_falloff
        strengths = redraw_strengths(len(sizes), *falling, redraw.redraw_last)
        moves = _moves(source, sizes, cell_of(values["vae"]))
    check_memory(
        f"{len(image)} pictures of {source[0]}x{source[1]} pixels would become "
        f"{target.width}x{target.height} in {len(sizes)} stages",
        memory.staged(sizes, strengths, len(image), image.shape[-1]),
        "upscaling_resize_w" if isinstance(resize, tuple) else "upscaling_resize",
    )
    return Plan(sizes, strengths, moves)


def _moves(source: Size, sizes: list[Size], cell: int) -> list[Move]:
    """Follow the picture through the stages, each of which covers its size and cuts around the centre."""
    move, before, moves = Move(source[1] / cell, source[0] / cell), source, []
    for width, height in sizes:
        up = image_size(*before, (width, height), True, MAX_SIDE)
        top, left = (up.up_height - height) // 2 / cell, (up.up_width - width) // 2 / cell
        up_cells = (up.up_height / cell, up.up_width / cell)
        move = move.then(up_cells, top, left, (height / cell, width / cell))
        moves.append(move)
        before = width, height
    return moves


def expand(
    planned: Plan, wires: Wires, values: Wires, redraw: Redraw, tile_size: int, tile_overlap: int
) -> tuple[Any, Any]:
    """Build the graph.

    Args:
        planned: the stages.
        wires: what comes in, see `wires_of`.
        values: the same as values.
        redraw: how to redraw.
        tile_size: of Upscale Image.
        tile_overlap: of Upscale Image.

    Returns:
        The link to the finished pictures, and the graph in the host's form.
    """
    graph = GraphBuilder()
    picture = wires["image"]
    for number, ((width, height), strength) in enumerate(zip(planned.sizes, planned.strengths, strict=True), start=1):
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
            tile_size=tile_size,
            tile_overlap=tile_overlap,
        ).out(0)
        if strength > 0:
            prompts = _prompts(wires, values, planned.moves[number - 1])
            picture = _redrawn(graph, number, picture, strength, {**wires, **prompts}, redraw)
    return picture, graph.finalize()


def _prompts(wires: Wires, values: Wires, move: Move) -> dict[str, Any]:
    """The prompts of a stage: as they came in, or with what counts pixels in them moved."""
    prompts = {}
    for name in ("positive", "negative"):
        moves = bool(places(extra for _, extra in values[name]))
        prompts[name] = move.cond(values[name]) if moves else wires[name]
    return prompts


def _redrawn(graph: GraphBuilder, number: int, picture: Any, strength: float, wires: Wires, redraw: Redraw) -> Any:
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
    ).out(0)
    return graph.node("HiresFixDecodeToSize", f"decode{number}", latent=sampled, vae=vae, image=picture).out(0)


def blamed(node_id: str, display_name: str, input_name: str) -> tuple[str, str]:
    """Name the node and the input that a person sees: those of Multi-Stage Upscale, if the node works in its place.

    Args:
        node_id: of the class that runs.
        display_name: its name in the editor.
        input_name: the input that is to blame.
    """
    context = get_executing_context()
    # the host puts numbers between the name of the node that is replaced and those of `expand`
    stage = re.search(rf"\.\d+\.{_PARTS.get(node_id, ' ')}(\d+)$", str(context.node_id) if context else "")
    if stage is None:
        return display_name, input_name
    return f"{NAME}, stage {stage[1]} ({display_name})", _INPUTS.get(input_name, input_name)


def wires_of(dynprompt: Any, node_id: str, values: Mapping[str, Any]) -> Wires:
    """Wire inputs of a node on, to the nodes it becomes.

    A link lets the host recognise what it has made before; a bare value never does. But the link of one item of a
    list would bring the whole list, so where one is possible the value goes on.

    Args:
        dynprompt: the host's graph.
        node_id: of the node that is run.
        values: what came in, by input name.
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
        if any(getattr(host_nodes.NODE_CLASS_MAPPINGS[info["class_type"]], "OUTPUT_IS_LIST", None) or ()):
            return True
        ahead += [value[0] for value in info["inputs"].values() if is_link(value)]
    return False
