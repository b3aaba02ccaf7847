"""Every workflow of the pack, one function each.

The parameters are those of A1111's txt2img, hires fix and Extras tabs. Sizes are pixels; strengths run from 0 (keep the
picture) to 1 (make a new one). Each function returns a graph that is ready for `to_api` and `to_ui`, and raises
`GraphError` for a value that the node it goes to would refuse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import stages
from .graph import Graph, Output
from .stages import Picture, Sampling

CHECKPOINT = "hires-fix-demo.safetensors"
PROMPT = "a lighthouse on a rocky coast at dawn, sea mist, soft light, highly detailed"
NEGATIVE_PROMPT = "blurry, low quality, watermark"

SAME_SETTINGS = "*steps*, *sampler_name*, *scheduler*: the same in every node that has them"
"""Line of the note: these widgets cannot all be fed from one place."""


@dataclass(frozen=True)
class Job:
    """What every workflow with a diffusion model can be asked for, under A1111's names."""

    checkpoint: str = CHECKPOINT
    prompt: str = PROMPT
    negative_prompt: str = NEGATIVE_PROMPT
    seed: int = 0
    noise_source: str = "GPU"
    width: int = 512
    height: int = 512
    batch_size: int = 1
    steps: int = 20
    cfg: float = 7.0
    sampler: str = "DPM++ 2M"
    scheduler: str = "Automatic"
    hr_scale: float = 2.0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_second_pass_steps: int = 0

    def model_and_prompts(self, graph: Graph) -> Sampling:
        """Checkpoint and prompts."""
        return stages.model_and_prompts(
            graph,
            checkpoint=self.checkpoint,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            steps=self.steps,
            cfg=self.cfg,
            sampler=self.sampler,
            scheduler=self.scheduler,
        )

    def first_pass(self, graph: Graph, shared: Sampling) -> tuple[Output, Picture]:
        """Noise and base picture, in a stage of their own."""
        graph.stage("First pass")
        noise = stages.noise(graph, self.seed, self.noise_source)
        return noise, stages.first_pass(graph, shared, noise, self.width, self.height, self.batch_size)

    def target(self, graph: Graph, shared: Sampling, width: Output, height: Output) -> Any:
        """The size of the second pass."""
        return stages.target_size(
            graph,
            shared,
            width,
            height,
            hr_scale=self.hr_scale,
            hr_resize_x=self.hr_resize_x,
            hr_resize_y=self.hr_resize_y,
        )

    def finish(self, graph: Graph, shared: Sampling, noise: Output, upscaled: Output, strength: float) -> None:
        """Second pass and result; the stage "Second pass" is already open."""
        redrawn = stages.second_pass(graph, shared, noise, upscaled, strength, self.hr_second_pass_steps)
        graph.stage("Result")
        stages.decode_and_save(graph, shared, redrawn)


def hires_fix_latent(*, mode: str = "Latent", denoising_strength: float = 0.7, **job: Any) -> Graph:
    """Hires fix with a latent upscaler: the first pass is enlarged without leaving latent space, then redrawn.

    `job`: fields of `Job`, here and below.
    """
    asked, graph = Job(**job), Graph("hires-fix-latent")
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws a base picture, enlarges its latent and draws it again with more detail.",
        "**Load Checkpoint** and **Prompt**",
        "**Width**, **Height** of the base picture; the result is *hr_scale* times as large",
        "**denoising_strength**: below 0.5 a latent upscale stays blurry",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    noise, base = asked.first_pass(graph, shared)
    graph.stage("Upscale")
    target = asked.target(graph, shared, base.width, base.height)
    upscaled = graph.node("HiresFixLatentUpscale", latent=base.latent, target=target.out("target"), mode=mode).out()
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, upscaled, denoising_strength)
    return graph


def hires_fix_pixel(*, upscaler: str = "Lanczos", denoising_strength: float = 0.4, **job: Any) -> Graph:
    """Hires fix with a pixel upscaler: the first pass is decoded, enlarged as a picture, encoded and redrawn."""
    asked, graph = Job(**job), Graph("hires-fix-pixel")
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws a base picture, enlarges it with an upscaler and draws it again with more detail.",
        "**Load Checkpoint** and **Prompt**",
        "**Load Upscaler**: Lanczos, or a model file from *models/upscale_models*",
        "**denoising_strength**: 0.2 keeps the picture, 0.6 invents detail",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    noise, base = asked.first_pass(graph, shared)
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    target = asked.target(graph, shared, base.width, base.height)
    upscaled = stages.pixel_upscale(graph, shared, base.latent, loaded, target)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, upscaled, denoising_strength)
    return graph


def hires_fix_image(
    *, image: str = "example.png", upscaler: str = "Lanczos", denoising_strength: float = 0.4, **job: Any
) -> Graph:
    """Hires fix for a picture that already exists: it takes the place of the first pass."""
    asked, graph = Job(**job), Graph("hires-fix-image")
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a picture you already have and draws it again with more detail.",
        "**Load Image**: your picture",
        "**Prompt** and *seed*: best those it was made with",
        "**denoising_strength**: 0.2 keeps the picture, 0.6 invents detail",
        SAME_SETTINGS,
    )
    shared = asked.model_and_prompts(graph)
    graph.stage("Picture")
    picture = graph.node("LoadImage", image=image).out("IMAGE")
    size = graph.node("GetImageSize", image=picture)
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    target = asked.target(graph, shared, size.out("width"), size.out("height"))
    upscaled = stages.upscale_and_encode(graph, shared, picture, loaded, target)
    graph.stage("Second pass")
    noise = stages.noise(graph, asked.seed, asked.noise_source)
    asked.finish(graph, shared, noise, upscaled, denoising_strength)
    return graph


def multi_stage_upscale(
    *, upscaler: str = "Lanczos", denoising_strengths: tuple[float, ...] = (0.45, 0.3), **job: Any
) -> Graph:
    """Several rounds of pixel upscale and second pass, each `hr_scale` times larger; one strength a round."""
    asked, graph = Job(**job), Graph("multi-stage-upscale")
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a base picture in rounds. Each round redraws less than the one before: detail grows, the picture "
        "stays.",
        "**Load Checkpoint** and **Prompt**",
        "**hr_scale** of each round",
        "**denoising_strength** of each round: let it fall",
        SAME_SETTINGS,
    )
    loaded = stages.load_upscaler(graph, upscaler)
    shared = asked.model_and_prompts(graph)
    noise, picture = asked.first_pass(graph, shared)
    for number, strength in enumerate(denoising_strengths, start=1):
        graph.stage(f"Round {number}")
        target = asked.target(graph, shared, picture.width, picture.height)
        upscaled = stages.pixel_upscale(graph, shared, picture.latent, loaded, target)
        redrawn = stages.second_pass(graph, shared, noise, upscaled, strength, asked.hr_second_pass_steps)
        picture = Picture(redrawn, target.out("width"), target.out("height"))
    graph.stage("Result")
    stages.decode_and_save(graph, shared, picture.latent)
    return graph


def standalone_upscale(
    *,
    image: str = "example.png",
    upscaler: str = "Lanczos",
    resize_mode: str = "scale by",
    upscaling_resize: float = 2.0,
    upscaling_resize_w: int = 1024,
    upscaling_resize_h: int = 1024,
    upscaling_crop: bool = True,
) -> Graph:
    """Enlarge a picture without a diffusion model, as A1111's Extras tab does."""
    graph = Graph("standalone-upscale")
    graph.stage("Picture")
    stages.introduce(
        graph,
        "Enlarges a picture. No checkpoint is needed.",
        "**Load Image**: your picture",
        "**Load Upscaler**: Lanczos, or a model file from *models/upscale_models*",
        "**upscaling_resize**: how many times as large; *scale to* takes the exact size instead",
    )
    graph.column()
    loaded_image = graph.node("LoadImage", image=image).out("IMAGE")
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    upscaled = graph.node(
        "HiresFixUpscaleImage",
        image=loaded_image,
        upscaler=loaded,
        resize_mode=resize_mode,
        upscaling_resize=upscaling_resize,
        upscaling_resize_w=upscaling_resize_w,
        upscaling_resize_h=upscaling_resize_h,
        upscaling_crop=upscaling_crop,
    ).out()
    graph.stage("Result")
    graph.node("SaveImage", images=upscaled, filename_prefix=graph.name)
    return graph


WORKFLOWS: dict[str, Callable[[], Graph]] = {
    "hires-fix-latent": hires_fix_latent,
    "hires-fix-pixel": hires_fix_pixel,
    "hires-fix-image": hires_fix_image,
    "multi-stage-upscale": multi_stage_upscale,
    "standalone-upscale": standalone_upscale,
}
"""Every saved workflow by file name; called without arguments, each gives the graph that is shipped."""
