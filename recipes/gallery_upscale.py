"""Upscaling without hires fix, as A1111's Extras tab does, and in several rounds."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Output
from ..hires.graph.models import AURASR, FACE_DETECTION, GFPGAN, UPSCALER_2X, UPSCALER_4X
from . import parts
from .job import ONE_SAMPLER, UPSCALER_FILE, YOUR_CHECKPOINT, Job
from .pictures import ASTRONAUT, CAT, COFFEE
from .workflow import YOURS_TWICE, Sketch, workflow


@workflow(
    "multi-stage-upscale",
    "512 \u2192 1024 \u2192 2048 in two rounds of falling strength",
    title="Hires Fix in rounds, less denoise each",
    sketch=Sketch("Hires fix in rounds", ((1, "512"), (2, "1024"), (4, "2048")), "each redraws less than the last"),
    size=(512, 256),
)
def multi_stage_upscale(
    graph: Graph, *, upscaler: str = UPSCALER_2X, denoising_strengths: tuple[float, ...] = (0.45, 0.3), **job: Any
) -> None:
    """Several rounds of pixel upscale and second pass, each `hr_scale` times larger; one strength a round."""
    asked = Job(**job)
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a base picture in rounds. Each redraws less than the one before: detail grows, the picture stays.",
        YOUR_CHECKPOINT,
        "**Prompt**",
        "Each **Round**: how many times larger, and a *denoising strength* that falls",
        ONE_SAMPLER,
    )
    shared, noise = asked.model_noise_prompts(graph)
    empty = asked.empty_picture(graph)
    loaded = stages.load_upscaler(graph, upscaler)
    graph.stage("First pass")
    latent = stages.first_pass(graph, shared, noise, empty)
    model: dict[str, Any] = {
        "model": shared.model,
        "positive": shared.positive,
        "negative": shared.negative,
        "vae": shared.vae,
    }
    before = None
    for number, strength in enumerate(denoising_strengths, start=1):
        graph.stage(f"Round {number}")
        redrawn = graph.box(
            parts.round_of(asked, number, strength), latent=latent, noise=noise, upscaler=loaded, **model
        )
        latent, before = redrawn.out("latent"), redrawn.out("before")
    graph.stage("Result")
    result = stages.decode_and_save(graph, latent, shared.vae)
    if before:
        stages.compare(graph, before, result)


@workflow(
    "multi-stage-image",
    "a picture to any size in stages, with a light redraw after each, in tiles where it is large",
    title="Like Ultimate SD Upscale - 4x in rounds",
    sketch=Sketch("Multi-stage upscale", ((1, "yours"), (2, "x 2"), (4, "x 4")), "a light redraw after each stage"),
    size=(268, 204),
)
def multi_stage_image(
    graph: Graph,
    *,
    image: str = COFFEE.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 4.0,
    number: int = 2,
    denoising_strength: float = 0.3,
    **job: Any,
) -> None:
    asked = Job(**{"prompt": COFFEE.prompt, **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Enlarges a picture you have in stages and redraws it lightly after each: large factors stay sharp.",
        "**Load Image**: your picture",
        YOUR_CHECKPOINT,
        "**Prompt**: what it shows",
        "**upscaling_resize** and **stages**: 4 in 2 stages doubles twice",
        "**denoising_strength** of the first redraw; the later ones are weaker",
        "**Tiled Model**: redraws what is larger in tiles",
    )
    shared, noise = asked.model_noise_prompts(graph)
    graph.stage("Picture")
    picture = stages.load_picture(graph, image)
    loaded = stages.load_upscaler(graph, upscaler)
    tiled = graph.node("HiresFixTiledModel", model=shared.model).out()
    graph.stage("Upscale in stages")
    enlarged = graph.node(
        "HiresFixMultiStageUpscale",
        image=picture,
        upscaler=loaded,
        upscaling_resize=upscaling_resize,
        stages=number,
        steps=shared.steps,
        cfg=shared.cfg,
        sampler_name=shared.sampler,
        scheduler=shared.scheduler,
        denoising_strength=denoising_strength,
        model=tiled,
        positive=shared.positive,
        negative=shared.negative,
        vae=shared.vae,
        noise=noise,
    ).out()
    _save(graph, enlarged, picture)


@workflow(
    "standalone-upscale",
    "the Extras tab: upscale any picture, no checkpoint",
    title="Upscale a picture - Extras tab",
    sketch=Sketch("Upscale", YOURS_TWICE, "no checkpoint needed"),
    size=(266, 202),
)
def standalone_upscale(graph: Graph, *, image: str = COFFEE.file, upscaler: str = UPSCALER_2X, **resize: Any) -> None:
    """`resize`: fields of Upscale Image."""
    picture = _picture(
        graph,
        image,
        "Enlarges a picture. No checkpoint is needed.",
        "**Load Image**: your picture",
        UPSCALER_FILE,
        "**upscaling_resize**: how many times as large; *scale to* takes the exact size instead",
    )
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    _save(graph, graph.node("HiresFixUpscaleImage", image=picture, upscaler=loaded, **resize).out(), picture)


@workflow(
    "standalone-two-upscalers",
    "the Extras tab with a second upscaler laid over the first",
    title="Upscale as AUTOMATIC1111 Extras, two upscalers",
    sketch=Sketch("Two upscalers", ((1, "yours"), (2, "60 % + 40 %")), "results mixed"),
    size=(266, 202),
)
def standalone_two_upscalers(
    graph: Graph,
    *,
    image: str = CAT.file,
    upscaler: str = UPSCALER_4X,
    upscaler_2: str = "Lanczos",
    extras_upscaler_2_visibility: float = 0.4,
    upscaling_resize: float = 2.0,
) -> None:
    picture = _picture(
        graph,
        image,
        "Enlarges a picture with two upscalers and mixes the results: the second takes back some of what the first "
        "made up.",
        "**Load Image**: your picture",
        "**Upscaler 1** and **Upscaler 2**",
        "**extras_upscaler_2_visibility**: 0 shows only the first, 1 only the second",
    )
    graph.stage("Upscale")
    first, second = stages.load_two_upscalers(graph, upscaler, upscaler_2)
    graph.column()
    upscaled = graph.node(
        "HiresFixUpscaleImage",
        image=picture,
        upscaler=first,
        upscaler_2=second,
        extras_upscaler_2_visibility=extras_upscaler_2_visibility,
        upscaling_resize=upscaling_resize,
    ).out()
    _save(graph, upscaled, picture)


@workflow(
    "upscale-aurasr",
    "a picture four times as large with AuraSR, which makes up detail; no prompt",
    title="AuraSR - 4x upscale of clean pictures",
    sketch=Sketch("AuraSR", ((1, "yours"), (3, "x 4")), "made-up detail, no prompt needed"),
    size=(268, 204),
)
def upscale_aurasr(graph: Graph, *, image: str = COFFEE.file, upscaler: str = AURASR.name) -> None:
    picture = _picture(
        graph,
        image,
        "Enlarges a picture with AuraSR, a network of 618 million numbers that makes up detail. For clean, drawn or "
        "generated pictures: JPEG's blocks become patterns.",
        "**Load Image**: your picture",
        f"**Load Upscaler**: save the file as *{AURASR.name}* in *models/upscale_models*",
        "**tile_size** (advanced) stays at 64, the size that it was trained on",
    )
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    tiles: dict[str, Any] = {"tile_size": 64, "tile_overlap": 16}
    _save(
        graph,
        graph.node("HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=4.0, **tiles).out(),
        picture,
    )


@workflow(
    "restore-faces",
    "upscale, then restore the faces",
    title="Restore faces",
    sketch=Sketch("Upscale + faces", YOURS_TWICE, "then GFPGAN on every face"),
    size=(266, 202),
)
def restore_faces(
    graph: Graph,
    *,
    image: str = ASTRONAUT.file,
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
    face_model: str = GFPGAN.name,
    visibility: float = 1.0,
    num_faces: int = 4,
) -> None:
    picture = _picture(
        graph,
        image,
        "Enlarges a picture and restores the faces in it, as A1111's Extras tab does. Faces are found in the small "
        "picture.",
        "**Load Image**: your picture",
        "**Load Face Restore Model**: GFPGAN, CodeFormer or RestoreFormer from *models/face_restore*, or get the "
        "one named",
        "**visibility**: how much of the restored faces is seen",
        "**num_faces**: at most so many are found",
    )
    graph.stage("Upscale")
    loaded = stages.load_upscaler(graph, upscaler)
    upscaled = graph.node(
        "HiresFixUpscaleImage", image=picture, upscaler=loaded, upscaling_resize=upscaling_resize
    ).out()
    graph.stage("Faces")
    detector = graph.node("LoadMediaPipeFaceLandmarker", title="Face Detection", model_name=FACE_DETECTION.name).out()
    # far and near faces: small ones are those that need it
    found = graph.node(
        "MediaPipeFaceLandmarker",
        title="Detect Faces",
        face_detection_model=detector,
        image=picture,
        detector_variant="both",
        num_faces=num_faces,
    )
    restorer = graph.node("HiresFixFaceModelLoader", face_model_name=face_model).out()
    graph.column()
    restored = graph.node(
        "HiresFixRestoreFaces",
        image=upscaled,
        face_model=restorer,
        face_landmarks=found.out("face_landmarks"),
        visibility=visibility,
    ).out("image")
    _save(graph, restored, picture)


@workflow(
    "upscale-folder",
    "a whole folder, resumable",
    title="Upscale a folder - Extras batch",
    sketch=Sketch("Upscale a folder", ((1, "all of yours"), (2, "x 2")), "goes on where it was stopped", many=True),
    size=(266, 202),
)
def upscale_folder(
    graph: Graph,
    *,
    input_folder: str = "",
    output_folder: str = "upscaled",
    upscaler: str = UPSCALER_2X,
    upscaling_resize: float = 2.0,
) -> None:
    graph.stage("Upscaler")
    stages.introduce(
        graph,
        "Enlarges every picture of a folder into another folder. Stop it when you like: queued again, it goes on.",
        "**input_folder**: a folder inside ComfyUI's *input* folder; empty is that folder itself",
        UPSCALER_FILE,
        "**upscaling_resize**, **format**",
    )
    loaded = stages.load_upscaler(graph, upscaler)
    graph.stage("Folder")
    report = graph.node(
        "HiresFixUpscaleFolder",
        input_folder=input_folder,
        output_folder=output_folder,
        upscaler=loaded,
        upscaling_resize=upscaling_resize,
    ).out()
    graph.stage("Result")
    graph.node("PreviewAny", title="Report", source=report)


def _picture(graph: Graph, image: str, purpose: str, *change_first: str) -> Output:
    graph.stage("Picture")
    stages.introduce(graph, purpose, *change_first)
    graph.column()
    return stages.load_picture(graph, image)


def _save(graph: Graph, picture: Output, before: Output) -> None:
    graph.stage("Result")
    graph.node("SaveImage", images=picture, filename_prefix=graph.name)
    stages.compare(graph, before, picture)
