"""Pictures redrawn tile by tile."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import UPSCALER_2X
from .job import UPSCALER_FILE, YOUR_CHECKPOINT, Job
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
        "Enlarges a picture, cuts it into tiles, draws each again as img2img does, and puts them together: the picture "
        "that A1111's script SD upscale gives.",
        "**Load Image**: your picture",
        YOUR_CHECKPOINT,
        "**Prompt**: what every tile is drawn with, so best materials and style",
        UPSCALER_FILE,
        "**Split into Tiles**: the size of img2img and *Tile overlap*",
        "**Re-noise**: *denoising_strength*, *steps*, sampler; **Second Sampling**: *cfg*",
    )
    loader = asked.checkpoint_loader(graph)
    noise = asked.noise(graph)
    graph.column()
    texts = asked.prompt, asked.negative_prompt
    positive, negative = stages.a1111_prompts(graph, *texts, clip=loader.out("CLIP"))
    graph.stage("Picture")
    settings = graph.node("HiresFixA1111Settings", folded=True).out()
    shared = asked.sampling(loader, positive, negative, settings)
    picture = graph.node("HiresFixLoadImage", image=image, channels="RGB over white").out("image")
    loaded = stages.load_upscaler(graph, upscaler)
    graph.stage("Upscale")
    enlarged = graph.node(
        "HiresFixUpscaleImage",
        image=picture,
        upscaler=loaded,
        upscaling_resize=upscaling_resize,
        numbers="A1111",
    ).out()
    graph.stage("Tiles")
    split = graph.node(
        "HiresFixSplitTiles",
        image=enlarged,
        tile_width=tile_width,
        tile_height=tile_height,
        overlap=overlap,
        numbers="A1111",
    )
    layout = split.out("layout")
    encoded = graph.node(
        "HiresFixEncodeTiles",
        tiles=split.out("tiles"),
        layout=layout,
        vae=shared.vae,
        noise=noise,
        batch_size=tiles_at_once,
    )
    graph.stage("Redraw")
    latent, noises = encoded.out("latent"), encoded.out("noise")
    redrawn = stages.second_pass(graph, shared, noises, latent, denoising_strength, steps_rule="img2img")
    graph.stage("Result")
    tiles = graph.node("HiresFixDecodeTiles", latent=redrawn, layout=layout, vae=shared.vae).out()
    combined = graph.node("HiresFixCombineTiles", tiles=tiles, layout=layout).out()
    graph.node("SaveImage", images=combined, filename_prefix=graph.name)
    stages.compare(graph, enlarged, combined)
