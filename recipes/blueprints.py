"""The boxes of the pack: a whole hires fix, or the Extras tab, as one node with A1111's fields in A1111's order."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import UPSCALER_2X
from . import panel
from .workflow import blueprint

ALIASES = (
    *("highres fix", "hires fix", "hires", "hr fix", "high res fix", "high resolution fix", "hires. fix"),
    *("a1111", "automatic1111", "webui", "txt2img", "two pass", "upscale", "denoise", "denoising strength"),
)


@blueprint(
    "Hires Fix (latent)",
    "A1111's hires fix with a latent upscaler: draws a base picture, enlarges its latent and draws it again with "
    "more detail. A denoising strength below 0.5 stays blurry.",
    *ALIASES,
    "latent upscale",
    also="highres fix, HR fix",
)
def hires_fix_latent_box(graph: Graph) -> None:
    panel.txt2img(graph, ("mode", "Latent"), 0.7, panel.enlarge_latent)


@blueprint(
    "Hires Fix (pixel)",
    "A1111's hires fix with an upscaler such as Lanczos or ESRGAN: draws a base picture, enlarges it and draws it "
    "again with more detail. A denoising strength of 0.3 to 0.5 is enough.",
    *ALIASES,
    "esrgan",
)
def hires_fix_pixel_box(graph: Graph) -> None:
    panel.txt2img(graph, ("upscaler_name", UPSCALER_2X), 0.4, panel.enlarge_picture)


@blueprint(
    "Hires Fix (A1111 numbers)",
    "A1111's hires fix with the very numbers of A1111: its noise, samplers, settings and 8-bit upscaling. The same "
    "seed and settings give the same picture. Its settings pages are among the advanced inputs.",
    *ALIASES,
    *("automatic1111", "webui", "reproduce"),
    also="AUTOMATIC1111 webui",
)
def hires_fix_a1111_box(graph: Graph) -> None:
    panel.txt2img(graph, ("upscaler_name", "Lanczos"), 0.4, panel.enlarge_as_a1111, settings=True)


@blueprint(
    panel.OF_A_PICTURE,
    "A1111's hires fix of a picture that you have: enlarges it and draws it again with more detail. Best with the "
    "prompt it was made with; a denoising strength of 0.2 keeps it, 0.6 invents detail.",
    *ALIASES,
    *("img2img", "hires fix this picture", "existing picture", "esrgan"),
    also="img2img",
)
def hires_fix_of_a_picture_box(graph: Graph) -> None:
    panel.hires_of_picture(graph)


@blueprint(
    "Extras (upscale)",
    "A1111's Extras tab: enlarges pictures with one upscaler or a mix of two, by a factor or to an exact size. No "
    "checkpoint is needed.",
    *("extras", "extras tab", "a1111", "automatic1111", "webui", "super resolution", "enlarge", "esrgan"),
    *("upscale by model", "two upscalers", "upscaler"),
)
def upscale_image_box(graph: Graph) -> None:
    image = graph.box_input("image", "Image")
    name_1 = graph.box_input("upscaler_name", "Upscaler 1", UPSCALER_2X)
    name_2 = graph.box_input("upscaler_2_name", "Upscaler 2", "None")
    values: dict[str, Any] = {
        "extras_upscaler_2_visibility": graph.box_input("extras_upscaler_2_visibility", "Upscaler 2 visibility", 0.0),
        "resize_mode": graph.box_input("resize_mode", "Resize mode", "scale by"),
        "upscaling_resize": graph.box_input("upscaling_resize", "Resize", 2.0),
        "max_side": graph.box_input("max_side", "Max side length", 0),
        "upscaling_resize_w": graph.box_input("upscaling_resize_w", "Width", 1024),
        "upscaling_resize_h": graph.box_input("upscaling_resize_h", "Height", 1024),
        "upscaling_crop": graph.box_input("upscaling_crop", "Crop to fit", True),
    }
    graph.stage("Upscale")
    first, second = stages.load_two_upscalers(graph, name_1, name_2)
    graph.column()
    upscaled = graph.node("HiresFixUpscaleImage", image=image, upscaler=first, upscaler_2=second, **values)
    graph.box_output("IMAGE", upscaled.out())
