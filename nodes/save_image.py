"""Pictures into files, with all that their files should say."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.infotext.texts import texts_to_save
from ..host.pictures.picture_files import BIT_DEPTHS, BitDepth, save_images, texts
from ..pictures import FORMATS, FileFacts, PictureFormat
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    180,
    "PNG, TIFF, JPEG, WebP with all of that, ComfyUI's workflow and A1111's `parameters` text",
    a1111={
        "filename_prefix": "Images filename pattern",
        "format": "File format for images",
        "quality": "Quality for saved jpeg and avif images",
        "write_infotext": "Write infotext to metadata of the generated image",
    },
)
class HiresFixSaveImage(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixSaveImage",
            display_name="Save Image (16-bit, ICC)",
            category=inputs.CATEGORY,
            description="Saves pictures as PNG, JPEG, WebP or TIFF, with 8 or 16 bits a channel, the colour profile "
            "and EXIF of the loaded file, A1111's infotext and ComfyUI's workflow. Nothing is ever overwritten.",
            search_aliases=inputs.aliases(
                "save image, export, 16 bit, icc, tiff, jpeg, webp, infotext, parameters, a1111 metadata, "
                "save with metadata"
            ),
            inputs=[
                io.Image.Input("images", tooltip="The pictures to save; grey and transparent ones, too."),
                io.String.Input(
                    "filename_prefix",
                    default="ComfyUI",
                    tooltip="How the file names begin, with a subfolder if you like. %width%, %height%, %year%, "
                    "%month%, %day%, %hour%, %minute%, %second% and %batch_num% are filled in.",
                ),
                inputs.choice(
                    "format",
                    FORMATS,
                    "png and tiff lose nothing. jpeg has no transparency: the picture is laid on white. "
                    "webp has up to 16383 pixels a side.",
                    default="png",
                ),
                inputs.choice(
                    "bit_depth",
                    BIT_DEPTHS,
                    "Bits a channel. auto: as in the loaded file (file_info), else 8; jpeg and webp always have 8.",
                    default="auto",
                ),
                io.Int.Input(
                    "quality", default=95, min=1, max=100, tooltip="Used by jpeg and webp. webp loses nothing with 100."
                ),
                inputs.FileInfoType.Input(
                    "file_info",
                    optional=True,
                    tooltip="From Load Image (16-bit, ICC): depth, colour profile, EXIF, resolution and texts of the "
                    "loaded file. A profile that does not fit (of grey, say, for a picture in colour) is left out.",
                ),
                io.String.Input(
                    "parameters",
                    optional=True,
                    force_input=True,
                    tooltip="A1111's infotext. It is stored where A1111 stores it: as the text 'parameters' in png, as "
                    "the EXIF user comment in the others. Without it: see write_infotext.",
                ),
                io.Boolean.Input(
                    "write_infotext",
                    default=True,
                    optional=True,
                    tooltip="Write A1111's infotext of the graph that drew each picture, with its own seed, if "
                    "nothing is linked to parameters. Needs Base Sampling, with at most one Second Sampling behind it; "
                    "pictures that no sampling of this pack made keep the text of the loaded file. Upscale Image and "
                    "Restore Faces add what A1111's Extras tab writes into png files. Takes the SHA-256 of each model "
                    "once after a start of ComfyUI: some seconds for each, which can be cancelled.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images", tooltip="The pictures that came in.")],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo, io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        images: Any,
        filename_prefix: str,
        format: PictureFormat,
        bit_depth: BitDepth,
        quality: int,
        file_info: FileFacts | None = None,
        parameters: str | None = None,
        write_infotext: bool = True,
    ) -> io.NodeOutput:
        with input_errors(cls, "images"):
            text = texts(file_info, cls.hidden.prompt, cls.hidden.extra_pnginfo)
            own = texts_to_save(parameters, write_infotext, cls.hidden.prompt, cls.hidden.unique_id)
            saved, shown = save_images(images, filename_prefix, format, bit_depth, quality, text, own, file_info)
        return io.NodeOutput(images, ui={"images": shown, "files": saved})
