"""Pictures enlarged as a whole and redrawn by Tiled Model, in tiles that are put together at every step."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Output
from ..hires.graph.models import (
    FLUX_UPSCALER_CONTROLNET,
    SDXL,
    SDXL_TILE_CONTROLNET,
    TILE_CONTROLNET,
    UPSCALER_2X,
    UPSCALER_4X,
)
from ..hires.graph.stages import Sampling
from .job import FLOW, YOUR_CHECKPOINT, Job
from .pictures import COFFEE
from .workflow import YOURS_TWICE, Sketch, workflow

HELD = (
    "**denoising_strength** for more detail, ControlNet **strength** for more likeness",
    "**upscaling_resize**",
)
"""Lines of the notes where a tile ControlNet holds the picture."""


@workflow(
    "tiled-redraw-controlnet",
    "a picture four times as large, redrawn in tiles, each held to it by a tile ControlNet",
    title="ControlNet tile upscale - tiled diffusion",
    sketch=Sketch("Tiled redraw", ((1, "yours"), (3, "x 4")), "in tiles, held by a tile ControlNet"),
    size=(268, 204),
)
def tiled_redraw_controlnet(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = UPSCALER_4X,
    upscaling_resize: float = 4.0,
    control_net: str = TILE_CONTROLNET.name,
    control_strength: float = 0.8,
    denoising_strength: float = 0.5,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": COFFEE.prompt, **job})
    graph.stage("Model, prompts, picture")
    stages.introduce(
        graph,
        "Enlarges a picture and draws it again in tiles that are put together at every step. Each sees its part of the "
        "picture by a tile ControlNet, so that none draws what the whole prompt says.",
        "**Load Image**: your picture",
        "**Load Checkpoint** and a tile **ControlNet** of its family",
        *HELD,
    )
    shared, noise = asked.model_noise_prompts(graph)
    enlarged = _enlarge(graph, image, upscaler, upscaling_resize)
    _redraw_held(graph, asked, shared, noise, enlarged, control_net, control_strength, denoising_strength)


@workflow(
    "tiled-redraw-sdxl",
    "the same with SDXL: a picture twice as large, held by a tile ControlNet of SDXL",
    title="ControlNet tile upscale for SDXL",
    sketch=Sketch("Tiled redraw, SDXL", YOURS_TWICE, "in tiles, held by a tile ControlNet"),
    size=(266, 202),
)
def tiled_redraw_sdxl(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
    control_net: str = SDXL_TILE_CONTROLNET.name,
    control_strength: float = 0.6,
    denoising_strength: float = 0.4,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": COFFEE.prompt, "checkpoint": SDXL.name, **job})
    graph.stage("Model, prompts, picture")
    stages.introduce(
        graph,
        "SDXL draws an enlarged picture again in tiles that are put together at every step, each held to its part by a "
        "tile ControlNet.",
        "**Load Image**: your picture",
        "**Load Checkpoint**: any of SDXL",
        f"**ControlNet**: save xinsir's file as *{SDXL_TILE_CONTROLNET.name}*, or take yours",
        *HELD,
    )
    shared, noise = asked.model_noise_prompts(graph)
    enlarged = _enlarge(graph, image, upscaler, upscaling_resize)
    _redraw_held(graph, asked, shared, noise, enlarged, control_net, control_strength, denoising_strength)


@workflow(
    "tiled-redraw-flux",
    "the same with Flux and its upscaler ControlNet; not for commercial use",
    title="ControlNet tile upscale for Flux",
    sketch=Sketch("Tiled redraw, Flux", YOURS_TWICE, "in tiles, held by a ControlNet"),
    size=(266, 202),
)
def tiled_redraw_flux(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
    control_net: str = FLUX_UPSCALER_CONTROLNET.name,
    control_strength: float = 0.6,
    denoising_strength: float = 0.5,
    guidance: float = 3.5,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": COFFEE.prompt, **FLOW, **job})
    graph.stage("Model, prompts, picture")
    stages.introduce(
        graph,
        "Flux draws an enlarged picture again in tiles, each held to its part by a ControlNet made for upscaling. "
        "**Flux.1 dev and this ControlNet are not for commercial use.**",
        "**Load Image**: your picture",
        f"**ControlNet**: save Jasper's file as *{FLUX_UPSCALER_CONTROLNET.name}*",
        *HELD,
    )
    shared, noise = asked.flow_noise_prompt(graph, guidance)
    enlarged = _enlarge(graph, image, upscaler, upscaling_resize)
    _redraw_held(
        graph, asked, shared, noise, enlarged, control_net, control_strength, denoising_strength,
        vae=shared.vae,  # this one looks at a latent, which it makes of the picture
    )  # fmt: skip


PLAN = """# where | what
0% 0% 100% 30% | prompt: wooden table, wood grain
0% 0% 12% 100% | skip
30% 20% 40% 40% | add: espresso, crema"""


@workflow(
    "tiled-redraw-plan",
    "a picture four times as large, redrawn in tiles by a plan: each part with its own words, or left as it is",
    title="Prompt per tile - regional upscale",
    sketch=Sketch("Redraw by a plan", ((1, "yours"), (3, "x 4")), "each part by its own words"),
    size=(268, 204),
)
def tiled_redraw_plan(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = UPSCALER_4X,
    upscaling_resize: float = 4.0,
    plan: str = PLAN,
    denoising_strength: float = 0.4,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": "photograph, detailed, sharp focus", **job})
    graph.stage("Model, prompts, picture")
    stages.introduce(
        graph,
        "Enlarges a picture and draws it again in tiles by a plan, so that what belongs to one part is not drawn in "
        "another.",
        "**Load Image**: your picture",
        YOUR_CHECKPOINT,
        "**Prompt**: what fits every part",
        "**plan**: a line for each part; the preview numbers the tiles",
        "**upscaling_resize**, **denoising_strength**",
    )
    loader = asked.checkpoint_loader(graph)
    noise = asked.noise(graph)
    graph.column()
    prompts = stages.prompts(graph, loader.out("CLIP"), asked.prompt, asked.negative_prompt)
    shared = asked.sampling(loader, *prompts)
    enlarged = _enlarge(graph, image, upscaler, upscaling_resize)
    encoded = _encode(graph, enlarged, shared)
    graph.stage("Tile and plan")
    tiled = graph.node("HiresFixTiledModel", model=shared.model).out()
    planned = graph.node(
        "HiresFixTilePlan",
        image=enlarged,
        plan=plan,
        model=tiled,
        positive=shared.positive,
        clip=loader.out("CLIP"),
    )
    second = replace(shared, model=planned.out("model"), positive=planned.out("positive"))
    _finish(graph, asked, second, noise, enlarged, encoded, denoising_strength)


def _enlarge(graph: Graph, image: str, upscaler: str, upscaling_resize: float) -> Output:
    """The picture, loaded in the stage that is open, and enlarged in the next."""
    picture = stages.load_picture(graph, image)
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    return graph.node("HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=upscaling_resize).out()


def _encode(graph: Graph, enlarged: Output, shared: Sampling) -> Output:
    return graph.node("HiresFixEncodeAnySize", image=enlarged, vae=shared.vae).out()


def _redraw_held(
    graph: Graph,
    asked: Job,
    shared: Sampling,
    noise: Output,
    enlarged: Output,
    control_net: str,
    control_strength: float,
    denoising_strength: float,
    **more: Any,
) -> None:
    """A second pass in tiles that see their parts of the picture by a ControlNet, to the end of the workflow.

    `more`: what the ControlNet needs besides.
    """
    encoded = _encode(graph, enlarged, shared)
    graph.stage("Tile and hold")
    tiled = graph.node("HiresFixTiledModel", model=shared.model).out()
    held = graph.node(
        "ControlNetApplyAdvanced",
        positive=shared.positive,
        negative=shared.negative,
        control_net=graph.node("ControlNetLoader", control_net_name=control_net).out(),
        image=enlarged,
        strength=control_strength,
        **more,
    )
    second = replace(shared, model=tiled, positive=held.out("positive"), negative=held.out("negative"))
    _finish(graph, asked, second, noise, enlarged, encoded, denoising_strength)


def _finish(
    graph: Graph, asked: Job, second: Sampling, noise: Output, enlarged: Output, encoded: Output, strength: float
) -> None:
    graph.stage("Second pass")
    redrawn = asked.second_pass(graph, second, noise, encoded, strength)
    result = graph.node("HiresFixDecodeToSize", latent=redrawn, vae=second.vae, image=enlarged).out()
    graph.stage("Result")
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, enlarged, result)
