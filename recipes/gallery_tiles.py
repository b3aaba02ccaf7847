"""Pictures redrawn tile by tile."""

from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import TILE_CONTROLNET, UPSCALER_2X, UPSCALER_4X
from . import parts
from .job import YOUR_CHECKPOINT, Job
from .pictures import CAT, COFFEE
from .workflow import YOURS_TWICE, Sketch, workflow


@workflow(
    "sd-upscale-a1111",
    "A1111's script SD upscale: a picture redrawn tile by tile, with its numbers",
    title="SD upscale as A1111 - tile by tile",
    sketch=Sketch("SD upscale", YOURS_TWICE, "every tile drawn again"),
    size=(264, 200),
)
def sd_upscale_a1111(
    graph: Graph,
    *,
    image: str = CAT.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
    tile_width: int = 512,
    tile_height: int = 512,
    overlap: int = 64,
    tiles_at_once: int = 1,
    denoising_strength: float = 0.3,
    **job: Any,
) -> None:
    """`tiles_at_once`: A1111's batch size."""
    asked = Job(**{"prompt": CAT.prompt, **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a picture and draws it again tile by tile: what A1111's script SD upscale gives.",
        "**Load Image**: your picture",
        YOUR_CHECKPOINT,
        "**Prompt**: every tile's, so rather style than subject",
        "**Split into Tiles**: img2img's size and *Tile overlap*",
        "**Redraw tiles**: the fields of img2img",
    )
    loader = asked.checkpoint_loader(graph)
    noise = asked.noise(graph)
    graph.column()
    texts = asked.prompt, asked.negative_prompt
    positive, negative = stages.a1111_prompts(graph, *texts, clip=loader.out("CLIP"))
    graph.stage("Picture")
    picture = graph.node("HiresFixLoadImage", image=image, channels="RGB over white").out("image")
    loaded = stages.load_upscaler(graph, upscaler)
    settings = graph.node("HiresFixA1111Settings", folded=True).out()
    graph.stage("Upscale and split")
    enlarged = graph.node(
        "HiresFixUpscaleImage",
        image=picture,
        upscaler=loaded,
        upscaling_resize=upscaling_resize,
        numbers="A1111",
    ).out()
    split = graph.node(
        "HiresFixSplitTiles",
        image=enlarged,
        tile_width=tile_width,
        tile_height=tile_height,
        overlap=overlap,
        numbers="A1111",
    )
    layout = split.out("layout")
    graph.stage("Redraw")
    redrawn = graph.box(
        parts.redraw_of_tiles(asked, denoising_strength, tiles_at_once),
        tiles=split.out("tiles"),
        layout=layout,
        model=loader.out("MODEL"),
        positive=positive,
        negative=negative,
        vae=loader.out("VAE"),
        noise=noise,
        settings=settings,
    )
    combined = graph.node("HiresFixCombineTiles", tiles=redrawn.out("tiles"), layout=layout).out()
    graph.stage("Result")
    graph.node("SaveImage", images=combined, filename_prefix=graph.name)
    stages.compare(graph, enlarged, combined)


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
        "**denoising_strength** for more detail, ControlNet **strength** for more likeness",
        "**upscaling_resize**",
    )
    shared, noise = asked.model_noise_prompts(graph)
    picture = stages.load_picture(graph, image)
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    enlarged = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=upscaling_resize
    ).out()
    encoded = graph.node("HiresFixEncodeAnySize", image=enlarged, vae=shared.vae).out()
    graph.stage("Tile and hold")
    tiled = graph.node("HiresFixTiledModel", model=shared.model).out()
    loaded_net = graph.node("ControlNetLoader", control_net_name=control_net).out()
    held = graph.node(
        "ControlNetApplyAdvanced",
        positive=shared.positive,
        negative=shared.negative,
        control_net=loaded_net,
        image=enlarged,
        strength=control_strength,
    )
    graph.stage("Second pass")
    second = replace(shared, model=tiled, positive=held.out("positive"), negative=held.out("negative"))
    redrawn = asked.second_pass(graph, second, noise, encoded, denoising_strength)
    result = graph.node("HiresFixDecodeToSize", latent=redrawn, vae=shared.vae, image=enlarged).out()
    graph.stage("Result")
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, enlarged, result)


@workflow(
    "tiled-redraw",
    "pictures of any size, file to file, redrawn window by window with a tile ControlNet; goes on after a stop",
    title="Tiled redraw of a folder, large files",
    sketch=Sketch("Tiled redraw", ((1, "all of yours"), (2, "x 2")), "goes on where it was stopped", many=True),
    size=(266, 202),
)
def tiled_redraw(
    graph: Graph,
    *,
    input_folder: str = "",
    output_folder: str = "redrawn",
    include: str = COFFEE.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
    control_net: str = TILE_CONTROLNET.name,
    control_strength: float = 0.6,
    denoising_strength: float = 0.4,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": "highly detailed photograph, sharp focus", **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges picture files and draws them again window by window, however large. Queued again after a stop, it "
        "goes on.",
        "**input_folder**, **include**: a folder inside ComfyUI's *input*, and which pictures of it",
        "**Load Checkpoint** and a tile **ControlNet** of its family",
        "**Prompt**: what fits every part",
        "**upscaling_resize**, **denoising_strength**",
    )
    shared, noise = asked.model_noise_prompts(graph)
    graph.stage("Upscaler and hold")
    loaded = stages.load_upscaler(graph, upscaler)
    loaded_net = graph.node("ControlNetLoader", control_net_name=control_net).out()
    graph.stage("Redraw")
    folders = {"input_folder": input_folder, "output_folder": output_folder, "include": include}
    strengths = denoising_strength, control_strength
    model: dict[str, Any] = {name: getattr(shared, name) for name in ("model", "positive", "negative", "vae")}
    report = graph.box(
        parts.redraw_of_files(asked, folders, strengths, upscaling_resize),
        **model,
        noise=noise,
        upscaler=loaded,
        control_net=loaded_net,
    ).out("report")
    graph.stage("Result")
    graph.node("PreviewAny", title="Report", source=report)


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
    picture = stages.load_picture(graph, image)
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    enlarged = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=upscaling_resize
    ).out()
    encoded = graph.node("HiresFixEncodeAnySize", image=enlarged, vae=shared.vae).out()
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
    graph.stage("Second pass")
    second = replace(shared, model=planned.out("model"), positive=planned.out("positive"))
    redrawn = asked.second_pass(graph, second, noise, encoded, denoising_strength)
    result = graph.node("HiresFixDecodeToSize", latent=redrawn, vae=shared.vae, image=enlarged).out()
    graph.stage("Result")
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, enlarged, result)
