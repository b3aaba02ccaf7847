"""A1111's panels as Apps: forms that the editor shows in place of the graph. Behind each is a box and what saves."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Node
from ..hires.graph.models import UPSCALER_2X
from ..hires.graph.to_app import App, Field, whole_box
from . import blueprints, panel
from .job import WITH_INFOTEXT
from .panel import HINTS, OF_A_PICTURE
from .pictures import COFFEE
from .workflow import TWICE, YOURS_TWICE, Sketch, app


@app(
    "Hires Fix (latent)",
    "A1111's txt2img tab with a latent upscaler",
    sketch=Sketch("Hires Fix (latent)", TWICE, "A1111's txt2img as a form"),
)
def hires_fix_latent_app(graph: Graph) -> App:
    return _txt2img(graph, blueprints.hires_fix_latent_box().graph)


@app(
    "Hires Fix (pixel)",
    "A1111's txt2img tab with ESRGAN or any other upscaler",
    sketch=Sketch("Hires Fix (pixel)", TWICE, "A1111's txt2img as a form"),
)
def hires_fix_pixel_app(graph: Graph) -> App:
    return _txt2img(graph, blueprints.hires_fix_pixel_box().graph)


@app(
    "Hires Fix (A1111 numbers)",
    "A1111's txt2img tab with A1111's own numbers: the same seed gives the same picture",
    sketch=Sketch("A1111 numbers", TWICE, "the same seed, the same picture"),
)
def hires_fix_a1111_app(graph: Graph) -> App:
    return _txt2img(graph, blueprints.hires_fix_a1111_box().graph)


@app(
    OF_A_PICTURE,
    "A1111's hires fix button for a picture you have",
    sketch=Sketch("Hires Fix of a picture", YOURS_TWICE, "drawn again larger, as a form"),
)
def hires_fix_of_a_picture_app(graph: Graph, picture: str = COFFEE.file, **starts: Any) -> App:
    """`starts`: other start values of the form, by the names of its fields."""
    inside = Graph(OF_A_PICTURE)
    panel.hires_of_picture(inside, **{"prompt": COFFEE.prompt, **starts})
    return _of_picture(graph, inside, picture)


@app(
    "Extras (upscale)",
    "A1111's Extras tab: any picture, no checkpoint",
    sketch=Sketch("Extras", YOURS_TWICE, "A1111's Extras tab as a form"),
)
def extras_upscale_app(graph: Graph) -> App:
    return _of_picture(graph, blueprints.upscale_image_box().graph, COFFEE.file)


@app(
    "Extras (folder)",
    "A1111's Extras tab, batch from directory: goes on where it was stopped",
    sketch=Sketch("Extras, a folder", ((1, "all of yours"), (2, "x 2")), "A1111's Extras tab as a form", many=True),
)
def extras_folder_app(graph: Graph) -> App:
    graph.stage("Upscalers")
    first, second = stages.load_two_upscalers(graph, UPSCALER_2X, "None")
    first.node.labels["upscaler_name"], second.node.labels["upscaler_name"] = "Upscaler 1", "Upscaler 2"
    graph.stage("Folder")
    folder = graph.node("HiresFixUpscaleFolder", upscaler=first, upscaler_2=second)
    folder.labels |= _FOLDER
    graph.stage("Result")
    graph.node("PreviewAny", title="Report", source=folder.out())
    fields = [Field(folder, name, HINTS.get(name, "")) for name in _FOLDER]
    upscalers = [Field(one.node, "upscaler_name") for one in (first, second)]
    return App(graph, (*fields[:2], *upscalers, *fields[2:]), (folder,))


_FOLDER = {
    "input_folder": "Input directory",
    "output_folder": "Output directory",
    "extras_upscaler_2_visibility": "Upscaler 2 visibility",
    "resize_mode": "Resize mode",
    "upscaling_resize": "Resize",
    "max_side": "Max side length",
    "upscaling_resize_w": "Width",
    "upscaling_resize_h": "Height",
    "upscaling_crop": "Crop to fit",
    "file_name": "File name",
    "format": "File format",
    "quality": "Quality for saved jpeg images",
    "recursive": "Folders inside it, too",
    "existing": "Results that are there already",
}
"""Widgets of Upscale Folder that the form shows, under A1111's labels where A1111 has one."""


def _txt2img(graph: Graph, inside: Graph) -> App:
    graph.stage("txt2img")
    return _form(graph, graph.box(inside), WITH_INFOTEXT)


def _of_picture(graph: Graph, inside: Graph, picture: str) -> App:
    graph.stage("Picture")
    # core's node: the form has a field for dropped files and shows the picture for that one only
    loader = graph.node("LoadImage", image=picture)
    loader.labels["image"] = "Image"
    graph.stage(inside.name)
    return _form(graph, graph.box(inside, image=loader.out("IMAGE")), "SaveImage", Field(loader, "image"))


def _form(graph: Graph, box: Node, kind: str, *before: Field) -> App:
    """The whole box, and what it gives. `kind`: node that saves it; `before`: fields above the box."""
    graph.stage("Result")
    saved = graph.node(kind, images=box.out("IMAGE"), filename_prefix="hires-fix")
    return App(graph, (*before, *whole_box(box, HINTS)), (saved,))
