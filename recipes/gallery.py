"""Hires fix in its plain forms: by a latent or a pixel upscaler, of an existing picture, with A1111's numbers, and many
of them on one sheet.

The parameters are those of A1111's txt2img tab and hires fix. Strengths run from 0 (keep the picture) to 1 (make a new
one). Each function, here and in the other galleries, is called without its graph and returns it, ready for `to_api` and
`to_ui`; it raises `GraphError` for a value that the node it goes to would refuse. `job`: fields of `Job`.
"""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import UPSCALER_2X
from .job import ONE_SAMPLER, UPSCALER_FILE, WITH_INFOTEXT, YOUR_CHECKPOINT, Job
from .pictures import CAT
from .workflow import TWICE, YOURS_TWICE, Sketch, workflow


@workflow(
    "hires-fix-latent",
    "hires fix with A1111's latent upscalers",
    title="Hires Fix - latent upscaler",
    sketch=Sketch("Hires fix, latent", TWICE, "enlarged as a latent, drawn again"),
    size=(256, 128),
)
def hires_fix_latent(graph: Graph, *, mode: str = "Latent", denoising_strength: float = 0.7, **job: Any) -> None:
    """Hires fix with a latent upscaler: the first pass is enlarged without leaving latent space, then redrawn."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws a base picture, enlarges its latent and draws it again with more detail.",
        YOUR_CHECKPOINT,
        "**Prompt**",
        "**Empty Latent**: size of the base; the result is *hr_scale* times as large",
        "**denoising_strength**: below 0.5 a latent upscale stays blurry",
        ONE_SAMPLER,
    )
    shared, noise, base = asked.first_pass(graph)
    graph.stage("Upscale")
    target = asked.target(graph, shared, base)
    upscaled = stages.latent_upscale(graph, base, target, mode)
    picture = stages.base_picture(graph, base, shared.vae)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, upscaled, denoising_strength, picture)


@workflow(
    "hires-fix-pixel",
    "hires fix with a pixel upscaler: decode, upscale, encode",
    title="Hires Fix - ESRGAN or any upscaler",
    sketch=Sketch("Hires fix, pixel", TWICE, "enlarged as a picture, drawn again"),
    size=(256, 128),
)
def hires_fix_pixel(graph: Graph, *, upscaler: str = UPSCALER_2X, denoising_strength: float = 0.4, **job: Any) -> None:
    """Hires fix with a pixel upscaler: the first pass is decoded, enlarged as a picture, encoded and redrawn."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws a base picture, enlarges it with an upscaler and draws it again, with more detail.",
        YOUR_CHECKPOINT,
        "**Prompt**",
        UPSCALER_FILE,
        "**denoising_strength**: 0.2 keeps the picture, 0.6 invents detail",
        ONE_SAMPLER,
    )
    shared, noise, base = asked.first_pass(graph)
    enlarged = asked.enlarge(graph, shared, base, upscaler)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, enlarged.out("latent"), denoising_strength, enlarged.out("image"))


@workflow(
    "hires-fix-image",
    "hires fix of a picture you already have",
    title="Hires Fix - your picture, img2img",
    sketch=Sketch("Hires fix of your picture", YOURS_TWICE, "drawn again larger"),
    size=(264, 200),
)
def hires_fix_image(
    graph: Graph,
    *,
    image: str = CAT.file,
    upscaler: str = UPSCALER_2X,
    denoising_strength: float = 0.4,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": CAT.prompt, **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a picture you have and draws it again, with more detail.",
        "**Load Image**: your picture",
        YOUR_CHECKPOINT,
        "**Prompt**, *seed*: best those it was made with",
        "**denoising_strength**: 0.2 keeps the picture, 0.6 invents detail",
        "**Re-noise**: *steps*, sampler; **Second Sampling**: *cfg*",
    )
    shared, noise = asked.model_noise_prompts(graph)
    graph.stage("Picture")
    picture = stages.load_picture(graph, image)
    loaded = stages.load_upscaler(graph, upscaler)
    size = graph.node("GetImageSize", image=picture)
    graph.stage("Upscale")
    target = asked.target(graph, shared, (size.out("width"), size.out("height")))
    enlarged = stages.upscale_picture(graph, picture, loaded, target)
    graph.stage("Second pass")
    upscaled = graph.node("VAEEncode", pixels=enlarged, vae=shared.vae).out()
    asked.finish(graph, shared, noise, upscaled, denoising_strength, enlarged)


@workflow(
    "hires-fix-a1111",
    "everything set for A1111's numbers",
    title="A1111 HR fix - webui highres fix, same numbers",
    sketch=Sketch("Hires fix as in A1111", TWICE, "its prompts, noise, samplers and numbers"),
    size=(256, 128),
)
def hires_fix_a1111(graph: Graph, *, upscaler: str = "Lanczos", denoising_strength: float = 0.4, **job: Any) -> None:
    """Hires fix with A1111's own numbers wherever a node offers them: its prompts, noise, samplers and pixels."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Gives the picture that A1111 gives, in its prompt syntax.",
        YOUR_CHECKPOINT,
        "**Prompt**, *seed*",
        "**A1111 Settings** (unfold it): its settings pages",
        "**source** of the noise: CPU if A1111 is set to it",
        ONE_SAMPLER,
    )
    loader = asked.checkpoint_loader(graph)
    noise = asked.noise(graph)
    graph.column()
    texts = asked.prompt, asked.negative_prompt
    positive, negative = stages.a1111_prompts(graph, *texts, clip=loader.out("CLIP"))
    graph.stage("First pass")
    settings = graph.node("HiresFixA1111Settings", folded=True).out()
    shared = asked.sampling(loader, positive, negative, settings)
    empty = asked.empty_picture(graph)
    base = stages.first_pass(graph, shared, noise, empty)
    enlarged = asked.enlarge(graph, shared, base, upscaler, numbers="A1111", noise=noise)
    graph.stage("Second pass")
    asked.finish(graph, shared, noise, enlarged.out("latent"), denoising_strength, kind=WITH_INFOTEXT)


@workflow(
    "xy-sheet",
    "one sheet of pictures: strength \u00d7 upscaler, with labels",
    title="Compare denoise and upscalers, XY plot",
    sketch=Sketch("XY sheet", ((1, "0.25"), (1, "0.4"), (1, "0.55")), "every strength with every upscaler"),
    size=(927, 294),
)
def xy_sheet(
    graph: Graph,
    *,
    denoising_strengths: str = "0.25, 0.4, 0.55",
    upscalers: str = f"{UPSCALER_2X}, Lanczos",
    **job: Any,
) -> None:
    """Hires fix of one base picture, once for each pair of a denoising strength and an upscaler, on one sheet."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws one base picture and finishes it with every strength and every upscaler: a sheet to choose by looking.",
        YOUR_CHECKPOINT,
        "**Prompt**",
        "**XY Values**: strengths (columns) and upscalers (rows), parted by commas",
        "Any other field instead: link *x* or *y* to it",
        ONE_SAMPLER,
    )
    shared, noise, base = asked.first_pass(graph)
    values = graph.node(
        "HiresFixXYValues",
        x_name="Denoising strength",
        x_values=denoising_strengths,
        y_name="Upscaler",
        y_values=upscalers,
    )
    upscaled = asked.enlarge(graph, shared, base, values.out("y")).out("latent")
    graph.stage("Second pass")
    redrawn = asked.second_pass(graph, shared, noise, upscaled, values.out("x"))
    graph.stage("Result")
    decoded = graph.node("VAEDecode", samples=redrawn, vae=shared.vae).out()
    sheet = graph.node("HiresFixXYSheet", images=decoded, axes=values.out("axes")).out()
    graph.node("SaveImage", images=sheet, filename_prefix=graph.name)
