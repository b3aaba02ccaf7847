"""A1111's panels as Apps: forms that the editor shows in place of the graph. Behind each is a box and what saves."""

from typing import Any

from ..hires.graph.builder import Graph, Node
from ..hires.graph.to_app import App, whole_box
from . import blueprints
from .pictures import COFFEE
from .workflow import TWICE, YOURS_TWICE, Sketch, app


@app(
    "Hires Fix (latent)",
    "txt2img with a latent upscaler, as a form",
    sketch=Sketch("Hires Fix (latent)", TWICE, "A1111's txt2img as a form"),
)
def hires_fix_latent_app(graph: Graph) -> App:
    return _txt2img(graph, blueprints.hires_fix_latent_box().graph)


@app(
    "Hires Fix (pixel)",
    "txt2img with an upscaler such as ESRGAN, as a form",
    sketch=Sketch("Hires Fix (pixel)", TWICE, "A1111's txt2img as a form"),
)
def hires_fix_pixel_app(graph: Graph) -> App:
    return _txt2img(graph, blueprints.hires_fix_pixel_box().graph)


@app(
    "Extras (upscale)",
    "the Extras tab, as a form: any picture, no checkpoint",
    sketch=Sketch("Extras", YOURS_TWICE, "A1111's Extras tab as a form"),
)
def extras_app(graph: Graph) -> App:
    graph.stage("Picture")
    loader = graph.node("HiresFixLoadImage", image=COFFEE.file)
    loader.labels["image"] = "Image"
    graph.stage("Extras")
    box = graph.box(blueprints.upscale_image_box().graph, image=loader.out("image"))
    return _form(graph, box, loader)


def _txt2img(graph: Graph, inside: Graph) -> App:
    graph.stage("txt2img")
    return _form(graph, graph.box(inside))


def _form(graph: Graph, box: Node, loader: Node | None = None) -> App:
    """The whole box, below the picture that it works on, and what it gives."""
    graph.stage("Result")
    saved: Any = graph.node("SaveImage", images=box.out("IMAGE"), filename_prefix=graph.name)
    from ..hires.graph.to_app import Field

    picture = [Field(loader, "image")] if loader else []
    return App(graph, (*picture, *whole_box(box)), (saved,))
