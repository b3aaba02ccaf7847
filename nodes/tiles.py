"""Pictures as tiles, for anything that people do to tiles, and the redraw of tiles as in A1111's SD upscale."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.upscale import NUMBERS, Numbers
from ..hires.tiles.layout import TileLayout
from ..host.tiles.latents import decode_tiles, encode_tiles
from ..host.tiles.pictures import combine_tiles, split_into_tiles
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    142,
    "a picture as overlapping tiles, for anything that works on pictures",
    a1111={"tile_width": "Width", "tile_height": "Height", "overlap": "Tile overlap"},
)
class HiresFixSplitTiles(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixSplitTiles",
            display_name="Split into Tiles",
            category=inputs.CATEGORY,
            description="Cuts pictures into overlapping tiles of one size, evenly spread. Put anything between it and "
            "Combine Tiles that works on pictures.",
            search_aliases=inputs.aliases(
                "sd upscale, tiles, tiled, split image, tile image, image to tiles, grid, ultimate sd upscale"
            ),
            inputs=[
                io.Image.Input("image", tooltip="The pictures to cut, of any size; enlarge them before."),
                _side("tile_width", "Width"),
                _side("tile_height", "Height"),
                io.Int.Input(
                    "overlap",
                    default=64,
                    min=0,
                    max=2048,
                    step=8,
                    tooltip="Pixels that neighbours share at the least: tiles are spread evenly, so often more.",
                ),
                inputs.choice(
                    "numbers",
                    NUMBERS,
                    "exact: tiles are floats, faded into each other over the middle of what they share, and "
                    "transparency is kept. A1111: as its SD upscale: 8 bits, a fade as wide as the overlap, "
                    "transparency laid over white, and tiles larger than the picture filled up with black.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="tiles", tooltip="All tiles as one batch, row by row."),
                inputs.TileLayoutType.Output(
                    display_name="layout", tooltip="Where the tiles lie, for Combine Tiles and Encode Tiles."
                ),
            ],
        )

    @classmethod
    def execute(cls, image: Any, tile_width: int, tile_height: int, overlap: int, numbers: Numbers) -> io.NodeOutput:
        with input_errors(cls, "image"):
            return io.NodeOutput(*split_into_tiles(image, (tile_width, tile_height), overlap, numbers == "A1111"))


@node(
    144, "tiles to latents, batch by batch, each with the seed that A1111 gives it", a1111={"batch_size": "Batch size"}
)
class HiresFixEncodeTiles(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixEncodeTiles",
            display_name="Encode Tiles",
            category=inputs.CATEGORY,
            description="Encodes tiles for a redraw by Re-noise and Second Sampling, which then run once for every "
            "batch of tiles, up to Decode Tiles. Every tile gets a seed of its own.",
            search_aliases=inputs.aliases("sd upscale, vae encode tiles, redraw tiles, img2img tiles, batch of tiles"),
            inputs=[
                io.Image.Input("tiles", tooltip="The tiles of Split into Tiles, changed or not."),
                _layout(),
                io.Vae.Input("vae", tooltip="The VAE of the model that is to redraw them."),
                inputs.noise("Connect the noise that comes out here to Re-noise and Second Sampling."),
                io.Int.Input(
                    "batch_size",
                    default=1,
                    min=1,
                    max=64,
                    tooltip="Tiles that are sampled at once: more takes more memory. With A1111's numbers it also "
                    "decides about the seeds: each batch begins one seed after the one before it.",
                ),
            ],
            outputs=[
                io.Latent.Output(
                    display_name="latent",
                    is_output_list=True,
                    tooltip="A latent for each batch of tiles, for Re-noise.",
                ),
                io.Noise.Output(
                    display_name="noise",
                    is_output_list=True,
                    tooltip="The noise of each batch of tiles, for Re-noise and Second Sampling.",
                ),
            ],
        )

    @classmethod
    def execute(cls, tiles: Any, layout: TileLayout, vae: Any, noise: Any, batch_size: int) -> io.NodeOutput:
        with input_errors(cls, "tiles"):
            return io.NodeOutput(*encode_tiles(vae, tiles, layout, noise, batch_size))


@node(146, "the way back: all tiles as one batch of pictures")
class HiresFixDecodeTiles(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixDecodeTiles",
            display_name="Decode Tiles",
            category=inputs.CATEGORY,
            description="Decodes the tiles of Encode Tiles, redrawn or not, to one batch of pictures of the size that "
            "they were cut with.",
            search_aliases=inputs.aliases("sd upscale, vae decode tiles, redraw tiles, img2img tiles"),
            inputs=[
                io.Latent.Input("latent", tooltip="From Encode Tiles, by way of Second Sampling: every batch."),
                _layout(),
                io.Vae.Input("vae", tooltip="The VAE that encoded them."),
            ],
            outputs=[io.Image.Output(display_name="tiles", tooltip="All tiles as one batch, for Combine Tiles.")],
            is_input_list=True,
        )

    @classmethod
    def execute(cls, latent: list[dict[str, Any]], layout: list[TileLayout], vae: list[Any]) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            return io.NodeOutput(decode_tiles(vae[0], latent, layout[0]))


@node(148, "the tiles as a picture again, faded into each other; enlarged tiles make an enlarged picture")
class HiresFixCombineTiles(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixCombineTiles",
            display_name="Combine Tiles",
            category=inputs.CATEGORY,
            description="Puts the tiles of Split into Tiles together, faded into each other where they overlap. Tiles "
            "that were enlarged by a whole factor in between make a picture that is larger by it.",
            search_aliases=inputs.aliases("sd upscale, merge tiles, untile, tiles to image, stitch, join tiles, grid"),
            inputs=[
                io.Image.Input("tiles", tooltip="Every tile, in order."),
                _layout(),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The pictures.")],
        )

    @classmethod
    def execute(cls, tiles: Any, layout: TileLayout) -> io.NodeOutput:
        with input_errors(cls, "tiles"):
            return io.NodeOutput(combine_tiles(tiles, layout))


def _layout() -> io.Input:
    return inputs.TileLayoutType.Input("layout", tooltip="From the Split into Tiles that cut them.")


def _side(name: str, side: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=512,
        min=8,
        max=4096,
        step=8,
        tooltip=f"{side} of a tile in pixels: best what the model was trained at, 512 for SD1, 1024 for SDXL.",
    )
