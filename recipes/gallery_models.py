"""Hires fix with other models: SDXL, a flow model, another checkpoint or a ControlNet in the second pass only."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import DETAIL_LORA, DREAMSHAPER, FLUX, SD15, SDXL, TILE_CONTROLNET, UPSCALER_2X
from .job import NEGATIVE_PROMPT, SAME_SETTINGS, WITH_INFOTEXT, Job
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
    graph.stage("First pass: model and prompts")
    stages.introduce(
        graph,
        "Draws the base picture with one checkpoint and redraws it with another, with a LoRA and a prompt of its own.",
        "**Load Checkpoint** of both passes; they may be of different families",
        "**Prompt** of both passes, **Load LoRA** (bypass it to do without)",
        "**denoising_strength**: higher gives the second model more say",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    graph.stage("First pass")
    noise, empty = asked.noise(graph), asked.empty_picture(graph)
    graph.column()
    base = stages.first_pass(graph, shared, noise, empty)
    decoded = stages.show_base(graph, base.latent, shared.vae)
    graph.stage("Second pass: model and prompts")
    loader = graph.node("CheckpointLoaderSimple", title="Load Checkpoint, second pass", ckpt_name=hr_checkpoint)
    lora = graph.node(
        "LoraLoader",
        model=loader.out("MODEL"),
        clip=loader.out("CLIP"),
        lora_name=hr_lora,
        strength_model=hr_lora_strength,
        strength_clip=hr_lora_strength,
    )
    positive, negative = stages.prompts(graph, lora.out("CLIP"), hr_prompt, hr_negative_prompt, ", second pass")
    second = replace(shared, model=lora.out("MODEL"), vae=loader.out("VAE"), positive=positive, negative=negative)
    # decoded by the first model's VAE, encoded by the second one's
    upscaled = asked.enlarge(graph, second, base, upscaler, image=decoded).out("latent")
    graph.stage("Second pass")
    asked.finish(graph, second, noise, upscaled, denoising_strength, WITH_INFOTEXT)


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
    asked = _asked(job, checkpoint=SD15.name)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "A tile ControlNet holds the second pass to the base picture. So a high strength adds detail without adding "
        "a second lighthouse.",
        "**Load Checkpoint** and a tile **Load ControlNet Model** of the same family",
        "**denoising_strength** up for more detail, ControlNet **strength** up for more likeness",
        "**hr_scale**: 3 and more work, too",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    noise, base = asked.first_pass(graph, shared)
    upscaled = asked.enlarge(graph, shared, base, upscaler)
    graph.stage("Second pass")
    loaded_net = graph.node("ControlNetLoader", control_net_name=control_net).out()
    held = graph.node(
        "ControlNetApplyAdvanced",
        positive=shared.positive,
        negative=shared.negative,
        control_net=loaded_net,
        image=upscaled.out("image"),
        strength=control_strength,
    )
    graph.column()
    second = replace(shared, positive=held.out("positive"), negative=held.out("negative"))
    asked.finish(graph, second, noise, upscaled.out("latent"), denoising_strength)


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
        "Hires fix with an SDXL checkpoint: a base picture of 1024×1024, as the model was trained, then 1.5 times "
        "as large.",
        "**Load Checkpoint** and **Prompt**",
        "**Width**, **Height**: together about one megapixel",
        "**denoising_strength**: 0.2 keeps the picture, 0.5 invents detail",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    noise, base = asked.first_pass(graph, shared)
    upscaled = asked.enlarge(graph, shared, base, upscaler).out("latent")
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, upscaled, denoising_strength)


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
    flow = {"checkpoint": FLUX.name, "cfg": 1.0, "sampler": "euler", "scheduler": "simple", "noise_source": "ComfyUI"}
    asked = _asked(job, **flow, width=1024, height=1024, hr_scale=1.5)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Hires fix with a flow model such as Flux. Its latents have 16 channels, *cfg* stays 1 and *guidance* takes "
        "its place, so there is no negative prompt.",
        "**Load Checkpoint** and **Prompt**",
        "**guidance**: lower looks more like a photograph",
        "**denoising_strength**: flow models change more than SD at the same strength",
        SAME_SETTINGS,
    )
    loader = asked.checkpoint_loader(graph)
    prompt = graph.node("CLIPTextEncode", title="Prompt", text=asked.prompt, clip=loader.out("CLIP")).out()
    positive = graph.node("FluxGuidance", conditioning=prompt, guidance=guidance).out()
    negative = graph.node("ConditioningZeroOut", title="No negative prompt", conditioning=prompt).out()
    shared = asked.sampling(loader, positive, negative)
    noise, base = asked.first_pass(graph, shared, "EmptySD3LatentImage")
    upscaled = asked.enlarge(graph, shared, base, upscaler).out("latent")
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, upscaled, denoising_strength)


def _asked(job: dict[str, Any], **usual: Any) -> Job:
    """The job with other defaults than `Job` has."""
    return Job(**{**usual, **job})
