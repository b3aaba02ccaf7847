"""Pictures redrawn tile by tile."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import UPSCALER_2X
from . import parts
from .job import YOUR_CHECKPOINT, Job
from .pictures import CAT
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
