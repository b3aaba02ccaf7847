"""Pictures side by side, to choose by looking."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import UPSCALER_2X
from .job import ONE_SAMPLER, YOUR_CHECKPOINT, Job
from .workflow import Sketch, workflow


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
