"""The boxes of the pack: a whole hires fix, or the Extras tab, as one node with A1111's fields in A1111's order."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import FIRST_CHOICE, BoxInput, Graph, Output
from ..hires.graph.models import UPSCALER_2X
from ..hires.graph.stages import Number, Picture, Sampling
from .job import NEGATIVE_PROMPT, PROMPT, Job
from .workflow import blueprint

ALIASES = (
    *("highres fix", "hires fix", "hires", "hr fix", "high res fix", "high resolution fix", "hires. fix"),
    *("a1111", "automatic1111", "webui", "txt2img", "two pass", "upscale", "denoise", "denoising strength"),
)


@blueprint(
    "Hires Fix (latent)",
    "A1111's hires fix with a latent upscaler: draws a base picture, enlarges its latent and draws it again with "
    "more detail. A denoising strength below 0.5 stays blurry.",
    *ALIASES,
    "latent upscale",
)
def hires_fix_latent_box(graph: Graph) -> None:
    asked, mode, strength = _fields(graph, "mode", "Latent", denoising_strength=0.7)
    shared, noise, base = _first_pass(graph, asked)
    graph.stage("Upscale")
    target = asked.target(graph, shared, base.width, base.height)
    upscaled = stages.latent_upscale(graph, base.latent, target, mode)
    _second_pass(graph, asked, shared, noise, upscaled, strength)


@blueprint(
    "Hires Fix (pixel)",
    "A1111's hires fix with an upscaler such as Lanczos or ESRGAN: draws a base picture, enlarges it and draws it "
    "again with more detail. A denoising strength of 0.3 to 0.5 is enough.",
    *ALIASES,
    "esrgan",
)
def hires_fix_pixel_box(graph: Graph) -> None:
    asked, upscaler, strength = _fields(graph, "upscaler_name", UPSCALER_2X, denoising_strength=0.4)
    shared, noise, base = _first_pass(graph, asked)
    upscaled = asked.enlarge(graph, shared, base, upscaler, preview=False).out("latent")
    _second_pass(graph, asked, shared, noise, upscaled, strength)


@blueprint(
    "Extras (upscale)",
    "A1111's Extras tab: enlarges pictures with one upscaler or a mix of two, by a factor or to an exact size. No "
    "checkpoint is needed.",
    *("extras", "extras tab", "a1111", "automatic1111", "webui", "super resolution", "enlarge", "esrgan"),
    *("upscale by model", "two upscalers", "upscaler"),
)
def upscale_image_box(graph: Graph) -> None:
    image = graph.box_input("image", "Image")
    name_1 = graph.box_input("upscaler_name", "Upscaler 1", UPSCALER_2X)
    name_2 = graph.box_input("upscaler_2_name", "Upscaler 2", "None")
    values: dict[str, Any] = {
        "extras_upscaler_2_visibility": graph.box_input("extras_upscaler_2_visibility", "Upscaler 2 visibility", 0.0),
        "resize_mode": graph.box_input("resize_mode", "Resize mode", "scale by"),
        "upscaling_resize": graph.box_input("upscaling_resize", "Resize", 2.0),
        "max_side": graph.box_input("max_side", "Max side length", 0),
        "upscaling_resize_w": graph.box_input("upscaling_resize_w", "Width", 1024),
        "upscaling_resize_h": graph.box_input("upscaling_resize_h", "Height", 1024),
        "upscaling_crop": graph.box_input("upscaling_crop", "Crop to fit", True),
    }
    graph.stage("Upscale")
    first, second = stages.load_two_upscalers(graph, name_1, name_2)
    graph.column()
    upscaled = graph.node("HiresFixUpscaleImage", image=image, upscaler=first, upscaler_2=second, **values)
    graph.box_output("IMAGE", upscaled.out())


def _fields(
    graph: Graph, upscaler_name: str, upscaler: str, denoising_strength: float
) -> tuple[Job, BoxInput, BoxInput]:
    """The fields of the txt2img tab: the job, the upscaler (the field `upscaler_name`) and the denoising strength.

    As on the tab, those of hires fix stand between the steps and the size.
    """
    field = graph.box_input
    above = {
        "checkpoint": field("ckpt_name", "Checkpoint", FIRST_CHOICE),
        "prompt": field("prompt", "Prompt", PROMPT),
        "negative_prompt": field("negative_prompt", "Negative prompt", NEGATIVE_PROMPT),
        "sampler": field("sampler_name", "Sampling method", Job.sampler),
        "scheduler": field("scheduler", "Schedule type", Job.scheduler),
        "steps": field("steps", "Sampling steps", Job.steps),
    }
    chosen = field(upscaler_name, "Upscaler", upscaler)
    second_steps = field("hr_second_pass_steps", "Hires steps", Job.hr_second_pass_steps)
    strength = field("denoising_strength", "Denoising strength", denoising_strength)
    job = Job(
        **above,
        hr_second_pass_steps=second_steps,
        hr_scale=field("hr_scale", "Upscale by", Job.hr_scale),
        hr_resize_x=field("hr_resize_x", "Resize width to", Job.hr_resize_x),
        hr_resize_y=field("hr_resize_y", "Resize height to", Job.hr_resize_y),
        width=field("width", "Width", Job.width),
        height=field("height", "Height", Job.height),
        batch_size=field("batch_size", "Batch size", Job.batch_size),
        cfg=field("cfg", "CFG Scale", Job.cfg),
        seed=field("seed", "Seed", Job.seed),
    )
    return job, chosen, strength


def _first_pass(graph: Graph, asked: Job) -> tuple[Sampling, Output, Picture]:
    graph.stage("Model and prompts")
    shared = asked.model_and_prompts(graph)
    graph.stage("First pass")
    noise, empty = asked.noise(graph), asked.empty_picture(graph)
    return shared, noise, stages.first_pass(graph, shared, noise, empty)


def _second_pass(graph: Graph, asked: Job, shared: Sampling, noise: Output, upscaled: Output, strength: Number) -> None:
    graph.stage("Second pass")
    redrawn = asked.second_pass(graph, shared, noise, upscaled, strength)
    graph.stage("Result")
    decoded = graph.node("VAEDecode", samples=redrawn, vae=shared.vae).out()
    graph.box_output("IMAGE", decoded)
    graph.box_output("LATENT", redrawn)
