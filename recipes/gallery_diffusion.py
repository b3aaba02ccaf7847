"""Upscalers that are diffusion models themselves: LDSR, SD x4, SeedVR2, SUPIR, PiD."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Output
from ..hires.graph.models import FLUX_VAE, LDSR, SD_X4, SDXL, SEEDVR2, SEEDVR2_VAE, SUPIR
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
    graph.stage("Upscaler")
    loaded = stages.ldsr_settings(graph, stages.load_upscaler(graph, upscaler), steps)
    _enlarge_and_save(graph, picture, loaded, upscaling_resize)


@workflow(
    "upscale-sd-x4",
    "a picture four times as large with Stability's SD x4 upscaler, which takes a prompt",
    title="SD x4 upscaler - with a prompt",
    sketch=Sketch("SD x4 upscaler", FOUR_TIMES, "diffusion, with a prompt"),
    size=(268, 204),
)
def upscale_sd_x4(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaling_resize: float = 4.0,
    noise_augmentation: float = 0.05,
    **job: Any,
) -> None:
    usual = {"checkpoint": SD_X4.name, "steps": 50, "cfg": 9.0, "sampler": "DDIM"}
    asked = Job(**{"prompt": COFFEE.prompt, **usual, **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Stability's SD x4 upscaler draws a picture four times as large in the light of the small one and a prompt.",
        "**Load Image**: your picture",
        "**Prompt**: what it shows",
        "**noise_augmentation**: 0 keeps most, 0.2 draws over JPEG's blocks",
        "**upscaling_resize**: any; 4 is drawn, others are resized from that",
        "**tile_size**: smaller where memory runs out",
    )
    loader = asked.checkpoint_loader(graph)
    picture = stages.load_picture(graph, image)
    graph.column()
    positive, negative = stages.prompts(graph, loader.out("CLIP"), asked.prompt, asked.negative_prompt)
    graph.stage("Upscaler")
    upscaler = graph.node(
        "HiresFixDiffusionUpscaler",
        model=loader.out("MODEL"),
        vae=loader.out("VAE"),
        positive=positive,
        negative=negative,
        seed=asked.seed,
        steps=asked.steps,
        cfg=asked.cfg,
        sampler_name=asked.sampler,
        scheduler=asked.scheduler,
        noise_augmentation=noise_augmentation,
    ).out()
    _enlarge_and_save(graph, picture, upscaler, upscaling_resize)


@workflow(
    "upscale-seedvr2",
    "a picture restored and enlarged in one step with SeedVR2; no prompt",
    title="SeedVR2 - restore and upscale",
    sketch=Sketch("SeedVR2", YOURS_TWICE, "restored in one step, no prompt"),
    size=(266, 202),
)
def upscale_seedvr2(
    graph: Graph,
    *,
    image: str = ASTRONAUT.file,
    model: str = SEEDVR2.name,
    vae: str = SEEDVR2_VAE.name,
    seed: int = 0,
    upscaling_resize: float = 2.0,
) -> None:
    graph.stage("Models and picture")
    stages.introduce(
        graph,
        "SeedVR2 restores and enlarges a picture in one step, without a prompt, in windows where it is large.",
        "**Load Image**: your picture",
        "**upscaling_resize**: to 4 for clean pictures, to 2 for bad ones",
        "**strength**: less where skin or leaves look overdone",
        "**Load Diffusion Model**: the 3B file, or 7B for more memory",
    )
    graph.column()
    loaded = graph.node("UNETLoader", unet_name=model).out()
    decoder = graph.node("VAELoader", vae_name=vae).out()
    picture = stages.load_picture(graph, image)
    graph.stage("Upscaler")
    upscaler = graph.node("HiresFixSeedVR2Upscaler", model=loaded, vae=decoder, seed=seed).out()
    _enlarge_and_save(graph, picture, upscaler, upscaling_resize)


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
    held = graph.node(
        "SUPIRApply", title="Apply SUPIR", model=shared.model, model_patch=patch, vae=shared.vae, image=enlarged
    ).out()
    tiled = graph.node("HiresFixTiledModel", model=held).out()
    graph.stage("Draw")
    # from noise alone: SUPIR holds what is drawn to the picture
    drawn = stages.first_pass(graph, replace(shared, model=tiled), noise, encoded)
    graph.stage("Result")
    result = stages.decode_and_save(graph, drawn, shared.vae)
    stages.compare(graph, enlarged, result)


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
        "**latent** of the box *PiD* takes one that Flux or Z-Image has drawn, too",
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
    # laid over the other one, which has the size
    both: dict[str, Any] = {"destination": enlarged, "source": drawn.out("images")}
    result = graph.node("ImageCompositeMasked", title="Cut to size", x=0, y=0, resize_source=False, **both).out()
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, enlarged, result)


def _enlarge_and_save(graph: Graph, picture: Output, upscaler: Output, upscaling_resize: float) -> None:
    """What follows an upscaler, in stages of its own."""
    graph.stage("Upscale")
    enlarged = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=upscaler, upscaling_resize=upscaling_resize
    ).out()
    graph.stage("Result")
    graph.node("SaveImage", images=enlarged, filename_prefix=graph.name)
    stages.compare(graph, picture, enlarged)
