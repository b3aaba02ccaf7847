"""Hires fix with other models: SDXL, a flow model, another checkpoint or a ControlNet in the second pass only."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import DETAIL_LORA, DREAMSHAPER, SD15, SDXL, TILE_CONTROLNET, UPSCALER_2X
from . import parts
from .job import FLOW, NEGATIVE_PROMPT, ONE_SAMPLER, WITH_INFOTEXT, Job
from .workflow import LARGE, TWICE, Sketch, workflow


@workflow(
    "hires-fix-other-model",
    "another checkpoint, prompt and LoRA in the second pass",
    title="Hires Fix with another model",
    sketch=Sketch("Two models", TWICE, "second pass: own checkpoint, LoRA, prompt"),
    size=(256, 128),
)
def hires_fix_other_model(
    graph: Graph,
    *,
    hr_checkpoint: str = DREAMSHAPER.name,
    hr_lora: str = DETAIL_LORA.name,
    hr_lora_strength: float = 0.8,
    hr_prompt: str = "a lighthouse on a rocky coast at dawn, sea mist, intricate stonework, wet rocks, film grain",
    hr_negative_prompt: str = NEGATIVE_PROMPT,
    upscaler: str = UPSCALER_2X,
    denoising_strength: float = 0.45,
    **job: Any,
) -> None:
    asked = _asked(job, checkpoint=SD15.name)
    graph.stage("Models and prompts")
    stages.introduce(
        graph,
        "Draws the base picture with one checkpoint and redraws it with another.",
        "**Load Checkpoint**, and the one of **Second model**, of any family",
        "**Prompt** of both",
        "**denoising_strength**: higher gives the second model more say",
        ONE_SAMPLER,
    )
    shared, noise = asked.model_noise_prompts(graph)
    other = graph.box(parts.second_model(hr_checkpoint, hr_lora, hr_lora_strength, hr_prompt, hr_negative_prompt))
    second = replace(shared, **{name: other.out(name) for name in ("model", "vae", "positive", "negative")})
    graph.stage("First pass")
    loaded = stages.load_upscaler(graph, upscaler)
    empty = asked.empty_picture(graph)
    base = stages.first_pass(graph, shared, noise, empty)
    graph.stage("Upscale")
    # decoded by the first model's VAE, encoded by the second one's
    picture = stages.base_picture(graph, base, shared.vae)
    target = asked.target(graph, second, base)
    upscaled = stages.pixel_upscale(graph, second, base, loaded, target, image=picture).out("latent")
    graph.stage("Second pass")
    asked.finish(graph, second, noise, upscaled, denoising_strength, kind=WITH_INFOTEXT)


@workflow(
    "hires-fix-controlnet",
    "a tile ControlNet in the second pass only",
    title="Hires Fix with tile ControlNet",
    sketch=Sketch("Hires fix + ControlNet", TWICE, "tile ControlNet in the second pass only"),
    size=(256, 128),
)
def hires_fix_controlnet(
    graph: Graph,
    *,
    control_net: str = TILE_CONTROLNET.name,
    control_strength: float = 0.8,
    upscaler: str = UPSCALER_2X,
    denoising_strength: float = 0.65,
    **job: Any,
) -> None:
    """Hires fix whose second pass is held to the base picture by a tile ControlNet, so that it may redraw more."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "A tile ControlNet holds the second pass to the base picture: much new detail, no second lighthouse.",
        "**Load Checkpoint** and a tile **ControlNet** of its family",
        "**denoising_strength** for more detail, ControlNet **strength** for more likeness",
        "**hr_scale**: 3 and more work, too",
        ONE_SAMPLER,
    )
    shared, noise = asked.model_noise_prompts(graph)
    empty = asked.empty_picture(graph)
    loaded = stages.load_upscaler(graph, upscaler)
    graph.stage("First pass")
    target = asked.target(graph, shared, empty)
    base = stages.first_pass(graph, shared, noise, empty)
    graph.stage("Upscale and hold")
    upscaled = stages.pixel_upscale(graph, shared, base, loaded, target)
    loaded_net = graph.node("ControlNetLoader", control_net_name=control_net).out()
    held = graph.node(
        "ControlNetApplyAdvanced",
        positive=shared.positive,
        negative=shared.negative,
        control_net=loaded_net,
        image=upscaled.out("image"),
        strength=control_strength,
    )
    graph.stage("Second pass")
    second = replace(shared, positive=held.out("positive"), negative=held.out("negative"))
    asked.finish(graph, second, noise, upscaled.out("latent"), denoising_strength, upscaled.out("image"))


@workflow(
    "hires-fix-sdxl",
    "SDXL: 1024 \u2192 1536",
    title="Hires Fix for SDXL",
    sketch=Sketch("Hires fix for SDXL", LARGE, "base picture of one megapixel"),
    size=(192, 96),
)
def hires_fix_sdxl(graph: Graph, *, upscaler: str = UPSCALER_2X, denoising_strength: float = 0.35, **job: Any) -> None:
    asked = _asked(job, checkpoint=SDXL.name, width=1024, height=1024, hr_scale=1.5)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Hires fix for SDXL: a base picture of 1024×1024, as it was trained, then 1.5 times as large.",
        "**Load Checkpoint**, **Prompt**",
        "**Empty Latent**: about one megapixel",
        "**denoising_strength**: 0.2 keeps the picture, 0.5 invents detail",
        ONE_SAMPLER,
    )
    shared, noise, base = asked.first_pass(graph)
    enlarged = asked.enlarge(graph, shared, base, upscaler)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, enlarged.out("latent"), denoising_strength, enlarged.out("image"))


@workflow(
    "hires-fix-flow",
    "a flow model with 16-channel latents",
    title="Hires Fix for Flux",
    sketch=Sketch("Hires fix for Flux", LARGE, "flow model, 16 channels, guidance"),
    size=(192, 96),
)
def hires_fix_flow(
    graph: Graph, *, upscaler: str = UPSCALER_2X, denoising_strength: float = 0.35, guidance: float = 3.5, **job: Any
) -> None:
    """Hires fix with a flow model of 16 latent channels, such as Flux: guidance instead of cfg, no negative prompt."""
    asked = _asked(job, **FLOW, width=1024, height=1024, hr_scale=1.5)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Hires fix with a flow model such as Flux: *cfg* stays 1, *guidance* takes its place, and there is no negative "
        "prompt.",
        "**Load Checkpoint**, **Prompt**",
        "**guidance**: lower looks more like a photograph",
        "**denoising_strength**: changes more than with SD",
        ONE_SAMPLER,
    )
    shared, noise = asked.flow_noise_prompt(graph, guidance)
    empty = asked.empty_picture(graph, "EmptySD3LatentImage")
    graph.stage("First pass")
    base = stages.first_pass(graph, shared, noise, empty)
    enlarged = asked.enlarge(graph, shared, base, upscaler)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, enlarged.out("latent"), denoising_strength, enlarged.out("image"))


def _asked(job: dict[str, Any], **usual: Any) -> Job:
    """The job with other defaults than `Job` has."""
    return Job(**{**usual, **job})
