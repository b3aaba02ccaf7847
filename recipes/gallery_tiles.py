"""Pictures redrawn tile by tile or window by window."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import TILE_CONTROLNET, UPSCALER_2X
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
