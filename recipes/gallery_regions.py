"""Parts of a picture drawn again, the rest left as it is."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Node, Output
from ..hires.graph.models import FACE_DETECTION
from ..hires.graph.stages import Sampling
from . import parts
from .job import YOUR_CHECKPOINT, Job
from .pictures import ASTRONAUT, CAT
from .workflow import Sketch, workflow

PARTS = (1, "yours"), (1, "mended")


@workflow(
    "redraw-region",
    "a part of a picture drawn again: a box or a mask, with a prompt of its own",
    title="Redraw a region - inpaint only masked",
    sketch=Sketch("Redraw a region", PARTS, "a box or a mask, the rest stays"),
    size=(133, 101),
)
def redraw_region(
    graph: Graph,
    *,
    image: str = CAT.file,
    box: tuple[int, int, int, int] = (150, 90, 110, 90),
    denoising_strength: float = 0.5,
    **job: Any,
) -> None:
    """`box`: left, top, width and height in pixels."""
    asked = Job(**{"prompt": "close-up photograph of a cat's eye, amber iris, sharp, detailed fur", **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Draws a part of a picture again, as large as the model draws best, and puts it back.",
        "**Load Image**: your picture",
        "**Bounding Box**: the part; or take it away and draw a mask in Load Image's mask editor",
        "**Prompt**: what that part shows",
        YOUR_CHECKPOINT,
        "**denoising_strength**: 0.3 mends, 0.7 invents",
    )
    shared, noise = asked.model_noise_prompts(graph)
    graph.stage("Region")
    loaded = graph.node("HiresFixLoadImage", image=image)
    names = ("x", "y", "width", "height")
    boxes = graph.node("PrimitiveBoundingBox", title="Bounding Box", **dict(zip(names, box, strict=True))).out()
    _redraw(graph, asked, shared, noise, loaded, boxes, denoising_strength, mask=loaded.out("mask"))


@workflow(
    "redraw-faces",
    "every face of a picture found and drawn again",
    title="Fix faces - face detailer, adetailer",
    sketch=Sketch("Fix faces", PARTS, "each face found and drawn again"),
    size=(133, 101),
)
def redraw_faces(
    graph: Graph, *, image: str = ASTRONAUT.file, denoising_strength: float = 0.35, num_faces: int = 4, **job: Any
) -> None:
    asked = Job(**{"prompt": "photograph of a face, detailed skin, sharp eyes, natural light", **job})
    graph.stage("Model and prompts")
    stages.introduce(
        graph,
        "Finds the faces of a picture and draws each again, as large as the model draws best.",
        "**Load Image**: your picture",
        "**Prompt**: the faces",
        YOUR_CHECKPOINT,
        "**denoising_strength**: above 0.5 it is somebody else",
        "**num_faces**: at most so many are found",
    )
    shared, noise = asked.model_noise_prompts(graph)
    graph.stage("Region")
    loaded = graph.node("HiresFixLoadImage", image=image)
    detector = graph.node("LoadMediaPipeFaceLandmarker", title="Face Detection", model_name=FACE_DETECTION.name).out()
    # far and near faces: small ones are those that need it
    found = graph.node(
        "MediaPipeFaceLandmarker",
        title="Detect Faces",
        face_detection_model=detector,
        image=loaded.out("image"),
        detector_variant="both",
        num_faces=num_faces,
    )
    _redraw(graph, asked, shared, noise, loaded, found.out("bboxes"), denoising_strength)


def _redraw(
    graph: Graph,
    asked: Job,
    shared: Sampling,
    noise: Output,
    loaded: Node,
    boxes: Output,
    strength: float,
    mask: Output | None = None,
) -> None:
    picture = loaded.out("image")
    graph.stage("Second pass")
    cut = graph.node("HiresFixCutOutRegions", image=picture, mask=mask, bboxes=boxes)
    model: dict[str, Any] = {
        "model": shared.model,
        "positive": shared.positive,
        "negative": shared.negative,
        "vae": shared.vae,
    }
    drawn = graph.box(
        parts.redraw_of(asked, strength), images=cut.out("images"), masks=cut.out("masks"), noise=noise, **model
    )
    graph.stage("Result")
    redrawn, regions = drawn.out("images"), cut.out("regions")
    result = graph.node("HiresFixPutRegionsBack", image=picture, images=redrawn, regions=regions).out()
    graph.node("SaveImage", images=result, filename_prefix=graph.name)
    stages.compare(graph, picture, result)
