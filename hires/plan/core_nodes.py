"""Nodes without a badge that hand on what others need: sizes, files, numbers."""

from __future__ import annotations

from dataclasses import replace

from ..graph.passthrough import (
    AUTOMATIC_VAE,
    CHOOSE_VAE,
    DECODE_TO_SIZE,
    DECODERS,
    ENCODE_ANY_SIZE,
    ENCODERS,
    IMAGE_SIZE,
    LDSR_SETTINGS,
    PRIMITIVES,
    SWITCH,
)
from ..graph.reader import Node
from ..infotext.from_graph.texts import STYLES, texts_with_styles
from ..sampling.ldsr import DOWNSAMPLE, Downsample, LdsrSettings
from ..sizes.image_sizes import A1111_CELL
from ..tiles.layout import TileLayout
from .badge import Badge, Rule, agreed, badge, cells_of
from .facts import Facts, Latents, ModelFile, Pictures, UpscalerFile
from .upscale import numbers_of


@badge(*PRIMITIVES)
def _primitive(node: Node, facts: Facts) -> Badge:
    return Badge((node.value("value"),))


@badge("EmptyLatentImage", "EmptySD3LatentImage", "EmptyFlux2LatentImage")
def _empty(node: Node, facts: Facts) -> Badge:
    cell = 16 if node.kind == "EmptyFlux2LatentImage" else A1111_CELL
    width, height = node.whole("width"), node.whole("height")
    if width is None or height is None or min(width, height) < cell:
        return Badge()
    return Badge((Latents((width // cell * cell, height // cell * cell), max(1, node.whole("batch_size", 1) or 1)),))


@badge("LoadImage", "HiresFixLoadImage")
def _load_picture(node: Node, facts: Facts) -> Badge:
    name = node.text("image")
    size = facts.picture_size(name) if name else None
    return Badge((Pictures(size),)) if size else Badge()


@badge(IMAGE_SIZE)
def _picture_size(node: Node, facts: Facts) -> Badge:
    pictures = node.incoming("image", Pictures)
    return Badge(pictures.size) if pictures else Badge()


def _same_latents(name: str) -> Rule:
    def rule(node: Node, facts: Facts) -> Badge:
        latents = node.incoming(name, Latents)
        return Badge((Latents(latents.size, latents.count),)) if latents else Badge()

    return rule


@badge(*DECODERS)
def _decode(node: Node, facts: Facts) -> Badge:
    latents = node.incoming("samples", Latents)
    if latents is None or any(side % cell for side in latents.size for cell in cells_of(node, facts)):
        return Badge()
    return Badge((Pictures(latents.size, latents.count),))


@badge(*ENCODERS, ENCODE_ANY_SIZE)
def _encode(node: Node, facts: Facts) -> Badge:
    any_size = node.kind == ENCODE_ANY_SIZE
    numbers = numbers_of(node) if any_size else "A1111"  # core's nodes cut off, too
    pictures = node.incoming("image" if any_size else "pixels", Pictures) if numbers else None
    if pictures is None:
        return Badge()
    (width, height), cells, fills_up = pictures.size, cells_of(node, facts), numbers == "exact"
    size = agreed([(_whole_cells(width, cell, fills_up), _whole_cells(height, cell, fills_up)) for cell in cells])
    return Badge((Latents(size, pictures.count),)) if size and min(size) else Badge()


def _whole_cells(side: int, cell: int, fills_up: bool) -> int:
    """What is not a whole cell is filled up or cut off."""
    return (side + cell - 1 if fills_up else side) // cell * cell


@badge(SWITCH)
def _switch(node: Node, facts: Facts) -> Badge:
    # the reader leaves out what the switch leaves out
    given = [value for name in ("on_false", "on_true") if (value := node.incoming(name, object)) is not None]
    return Badge((given[0],)) if len(given) == 1 else Badge()


@badge("HiresFixDecodeTiles")
def _decode_tiles(node: Node, facts: Facts) -> Badge:
    layout = node.incoming("layout", TileLayout)
    return Badge((Pictures(layout.grid.tile, layout.count),)) if layout else Badge()


@badge("CheckpointLoaderSimple")
def _checkpoint(node: Node, facts: Facts) -> Badge:
    name = node.text("ckpt_name")
    file = ModelFile("checkpoints", name) if name else None
    return Badge((file, None, file))


def _model_file(folder: str, widget: str) -> Rule:
    def rule(node: Node, facts: Facts) -> Badge:
        name = node.text(widget)
        return Badge((ModelFile(folder, name),)) if name else Badge()

    return rule


@badge("UpscaleModelLoader", "HiresFixUpscalerLoader")
def _load_upscaler(node: Node, facts: Facts) -> Badge:
    name = node.text("upscaler_name") or node.text("model_name")
    return Badge((UpscalerFile(name),)) if name else Badge()


@badge(LDSR_SETTINGS)
def _ldsr_settings(node: Node, facts: Facts) -> Badge:
    file = node.incoming("upscaler", UpscalerFile)
    steps, eta, downsample, seed = node.whole("steps"), node.number("eta"), node.text("downsample"), node.seed("seed")
    if file is None or steps is None or eta is None or seed is None:
        return Badge()
    rules: dict[str, Downsample] = {one: one for one in DOWNSAMPLE}
    rule = rules.get(downsample or "")
    return Badge((replace(file, ldsr=LdsrSettings(steps, eta, rule, seed)),)) if rule else Badge()


@badge(CHOOSE_VAE)
def _choose_vae(node: Node, facts: Facts) -> Badge:
    name = node.text("vae_name")
    if name == AUTOMATIC_VAE:
        return Badge((node.incoming("vae", ModelFile),))
    return Badge((ModelFile("vae", name),)) if name else Badge()


@badge(STYLES)
def _styles(node: Node, facts: Facts) -> Badge:
    return Badge(tuple(texts_with_styles(node, lambda: facts.styles() or {})))


badge(DECODE_TO_SIZE, "HiresFixRestoreFaces")(lambda node, _: Badge((node.incoming("image", Pictures),)))
badge("LoraLoader", "LoraLoaderModelOnly")(lambda node, _: Badge((node.incoming("model", ModelFile),)))
badge("KSampler", "KSamplerAdvanced")(_same_latents("latent_image"))
badge("HiresFixBaseSampling")(_same_latents("latent"))
badge("UNETLoader")(_model_file("diffusion_models", "unet_name"))
badge("VAELoader")(_model_file("vae", "vae_name"))
