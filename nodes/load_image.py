"""Pictures from files, with all that their files say."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.pictures.picture_files import (
    CHANNELS,
    Channels,
    input_exists,
    input_names,
    input_version,
    load_image,
    missing,
)
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(170, "picture files as they are: 16 bits, floats, grey, LAB, colour profile, EXIF, texts, alpha")
class HiresFixLoadImage(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixLoadImage",
            display_name="Load Image (16-bit, ICC)",
            category=inputs.CATEGORY,
            description="Loads a picture with 16 bits a channel (PNG, TIFF) or floats (TIFF), and hands on its colour "
            "profile, EXIF and texts, so that Save Image (16-bit, ICC) can write them to the result.",
            search_aliases=["load image", "open image", "16 bit", "icc", "color profile", "tiff", "metadata", "exif"],
            inputs=[
                io.Combo.Input(
                    "image",
                    options=input_names(),
                    upload=io.UploadType.image,
                    tooltip="A picture in ComfyUI's input folder, or one to upload. It is turned upright as its EXIF "
                    "block says; CMYK and LAB become sRGB. The frames of an animation and the pages of a TIFF become a "
                    "batch.",
                ),
                inputs.choice(
                    "channels",
                    CHANNELS,
                    "RGB and mask: what every node understands; transparency goes to the mask only. As in the "
                    "file: grey stays one channel and transparency stays in the image, which the nodes of this pack "
                    "keep and many others do not take. RGB over white: transparent parts turn white, as in A1111's "
                    "img2img.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The picture; several of an animation or document."),
                io.Mask.Output(display_name="mask", tooltip="1 where the picture is transparent."),
                inputs.FileInfoType.Output(
                    display_name="file_info",
                    tooltip="Depth, colour profile, EXIF, resolution and texts, for Save Image (16-bit, ICC).",
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, image: str | None) -> bool | str:
        """Accept files that came after the list was made; a linked name is looked at when it is there."""
        if image is None or input_exists(image):
            return True
        return missing(image)

    @classmethod
    def fingerprint_inputs(cls, image: str, **_others: Any) -> str:
        """Load again when the file has changed."""
        return input_version(image)

    @classmethod
    def execute(cls, image: str, channels: Channels = CHANNELS[0]) -> io.NodeOutput:
        with input_errors(cls, "image"):
            return io.NodeOutput(*load_image(image, channels))
