"""Upscalers that are diffusion models themselves: LDSR, SUPIR, PiD."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import FLUX_VAE, LDSR, SDXL, SUPIR
from . import parts
from .job import Job
from .pictures import ASTRONAUT, COFFEE
from .workflow import YOURS_TWICE, Sketch, workflow

FOUR_TIMES = (1, "yours"), (3, "x 4")


@workflow(
    "upscale-ldsr",
    "a picture four times as large with LDSR, latent diffusion without a prompt",
    title="LDSR - latent diffusion upscaler",
    sketch=Sketch("LDSR", FOUR_TIMES, "diffusion, no prompt needed"),
    size=(268, 204),
)
def upscale_ldsr(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = LDSR.name,
    steps: int = 100,
    upscaling_resize: float = 4.0,
) -> None:
    graph.stage("Picture")
    stages.introduce(
        graph,
        "Enlarges a picture with LDSR, a diffusion model without a prompt. Slow: the badge of Upscale Image says how "
        "often its network runs.",
        "**Load Image**: your picture",
        f"**Load Upscaler**: *{LDSR.name}* in *models/upscale_models*, or A1111's file, *LDSR/model…*",
        "**steps**: 20 to try, 100 for the result",
        "**upscaling_resize**",
    )
    graph.column()
    picture = stages.load_picture(graph, image)
    graph.stage("Upscale")
    loaded = stages.ldsr_settings(graph, stages.load_upscaler(graph, upscaler), steps)
    graph.column()
    enlarged = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=upscaling_resize
    ).out()
    graph.stage("Result")
    graph.node("SaveImage", images=enlarged, filename_prefix=graph.name)
    stages.compare(graph, picture, enlarged)


@workflow(
    "upscale-supir",
    "a blurred or damaged picture restored and enlarged with SUPIR and SDXL; not for commercial use",
    title="SUPIR - restore and upscale, SDXL",
    sketch=Sketch("SUPIR", YOURS_TWICE, "restored by SDXL, with a prompt"),
    size=(264, 200),
)
def upscale_supir(
    graph: Graph,
    *,
    image: str = ASTRONAUT.file,
    upscaler: str = "Lanczos",
    supir: str = SUPIR.name,
    denoising_strength: float = 1.0,
    **job: Any,
) -> None:
    usual = {"checkpoint": SDXL.name, "steps": 40, "cfg": 4.0, "sampler": "Euler a"}
    asked = Job(**{"prompt": f"{ASTRONAUT.prompt}, sharp focus, fine detail", **usual, **job})
    graph.stage("Model, prompts, picture")
    stages.introduce(
        graph,
        "SUPIR has SDXL draw the picture anew and holds it to yours: for blurred, noisy, small ones. "
        "**Not for commercial use.**",
        "**Load Image**: your picture",
        "**Load Checkpoint**: any of SDXL",
        "**Prompt**: what it shows",
        "**hr_scale**",
        "**restore_cfg** (advanced) and **strength_end**: more keeps more of yours",
    )
    shared, noise = asked.model_noise_prompts(graph)
    picture = stages.load_picture(graph, image)
    graph.stage("Upscale")
    loaded = graph.node("HiresFixUpscalerLoader", title=upscaler, folded=True, upscaler_name=upscaler).out()
    size = graph.node("GetImageSize", image=picture, folded=True)
    target = asked.target(graph, shared, (size.out("width"), size.out("height")))
    enlarged = stages.upscale_picture(graph, picture, loaded, target)
    graph.stage("SUPIR")
    encoded = graph.node("VAEEncode", pixels=enlarged, vae=shared.vae).out()
    patch = graph.node("ModelPatchLoader", name=supir).out()
    held = graph.node("SUPIRApply", model=shared.model, model_patch=patch, vae=shared.vae, image=enlarged).out()
    tiled = graph.node("HiresFixTiledModel", model=held).out()
    graph.stage("Second pass")
    asked.finish(graph, replace(shared, model=tiled), noise, encoded, denoising_strength, enlarged)


@workflow(
    "upscale-pid",
    "a picture four times as large with PiD, straight from Flux's latents; pictures are not for commercial use",
    title="PiD - 4x pixel diffusion upscaler",
    sketch=Sketch("PiD", FOUR_TIMES, "from a latent, in four steps"),
    size=(268, 204),
)
def upscale_pid(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    prompt: str = COFFEE.prompt,
    degrade_sigma: float = 0.1,
    seed: int = 0,
) -> None:
    graph.stage("Picture")
    stages.introduce(
        graph,
        "PiD draws a picture four times as large from its latent, in four steps. "
        "**NVIDIA's licence: neither model nor its pictures are for commercial use.**",
        "**Load Image**: yours, 256 to 512 pixels a side",
        "**Prompt**: what it shows; may be empty",
        "**degrade_sigma**: 0 for clean pictures, to 0.8 for damaged ones",
        "Links: **latent** of Flux or Z-Image works, too, in place of a picture",
    )
    picture = stages.load_picture(graph, image)
    graph.stage("Latent and size")
    vae = graph.node("VAELoader", vae_name=FLUX_VAE.name).out()
    encoded = graph.node("HiresFixEncodeAnySize", image=picture, vae=vae).out()
    # of whole cells of the latent: what is beyond the picture is cut off at the end
    target = graph.node("HiresFixTargetSize", latent=encoded, vae=vae, hr_scale=4.0)
    sides: dict[str, Any] = {"width": target.out("width"), "height": target.out("height")}
    canvas = graph.node("EmptyChromaRadianceLatentImage", title="Empty picture", **sides).out()
    graph.stage("PiD")
    drawn = graph.box(parts.pid(prompt, degrade_sigma, seed), latent=encoded, canvas=canvas)
    enlarged = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=stages.load_upscaler(graph, "Lanczos"), upscaling_resize=4.0
    ).out()
    graph.stage("Result")
    size = graph.node("GetImageSize", image=enlarged, folded=True)
    result = graph.node(
        "ImageCrop", image=drawn.out("images"), width=size.out("width"), height=size.out("height"), x=0, y=0
    ).out()
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, enlarged, result)
