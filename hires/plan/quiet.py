"""Nodes that say nothing themselves but hand on what others need: sizes, files, numbers."""

from __future__ import annotations

from ..graph.reader import Node
from ..sizes.image_sizes import A1111_CELL
from .rule import Answer, Rule, agreed, cells_of
from .values import Facts, Latents, ModelFile, Pictures, UpscalerFile


def _primitive(node: Node, facts: Facts) -> Answer:
    return Answer((node.value("value"),))


def _empty(node: Node, facts: Facts) -> Answer:
    cell = 16 if node.kind == "EmptyFlux2LatentImage" else A1111_CELL
    width, height = node.whole("width"), node.whole("height")
    if width is None or height is None or min(width, height) < cell:
        return Answer()
    return Answer((Latents((width // cell * cell, height // cell * cell), max(1, node.whole("batch_size", 1) or 1)),))


def _load_picture(node: Node, facts: Facts) -> Answer:
    name = node.text("image")
    size = facts.picture_size(name) if name else None
    return Answer((Pictures(size),)) if size else Answer()


def _picture_size(node: Node, facts: Facts) -> Answer:
    pictures = node.incoming("image", Pictures)
    return Answer(pictures.size) if pictures else Answer()


def _same_latents(name: str) -> Rule:
    def rule(node: Node, facts: Facts) -> Answer:
        latents = node.incoming(name, Latents)
        return Answer((Latents(latents.size, latents.count),)) if latents else Answer()

    return rule


def _same_pictures(node: Node, facts: Facts) -> Answer:
    return Answer((node.incoming("image", Pictures),))


def _decode(node: Node, facts: Facts) -> Answer:
    latents = node.incoming("samples", Latents)
    if latents is None or any(side % cell for side in latents.size for cell in cells_of(node, facts)):
        return Answer()
    return Answer((Pictures(latents.size, latents.count),))


def _encode(node: Node, facts: Facts) -> Answer:
    pictures = node.incoming("pixels", Pictures)
    if pictures is None:
        return Answer()
    width, height = pictures.size
    size = agreed([(width // cell * cell, height // cell * cell) for cell in cells_of(node, facts)])
    return Answer((Latents(size, pictures.count),)) if size and min(size) else Answer()


def _checkpoint(node: Node, facts: Facts) -> Answer:
    name = node.text("ckpt_name")
    file = ModelFile("checkpoints", name) if name else None
    return Answer((file, None, file))


def _model_file(folder: str, widget: str) -> Rule:
    def rule(node: Node, facts: Facts) -> Answer:
        name = node.text(widget)
        return Answer((ModelFile(folder, name),)) if name else Answer()

    return rule


def _same_model(node: Node, facts: Facts) -> Answer:
    return Answer((node.incoming("model", ModelFile),))


def _load_upscaler(node: Node, facts: Facts) -> Answer:
    name = node.text("upscaler_name") or node.text("model_name")
    return Answer((UpscalerFile(name),)) if name else Answer()


def _encode_any_size(node: Node, facts: Facts) -> Answer:
    pictures = node.incoming("image", Pictures)
    if pictures is None:
        return Answer()
    width, height = pictures.size
    size = agreed([(-(-width // cell) * cell, -(-height // cell) * cell) for cell in cells_of(node, facts)])
    return Answer((Latents(size, pictures.count),)) if size else Answer()


QUIET: dict[str, Rule] = {
    **dict.fromkeys(("PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean", "PrimitiveString"), _primitive),
    **dict.fromkeys(("EmptyLatentImage", "EmptySD3LatentImage", "EmptyFlux2LatentImage"), _empty),
    **dict.fromkeys(("LoadImage", "HiresFixLoadImage"), _load_picture),
    "GetImageSize": _picture_size,
    **dict.fromkeys(("KSampler", "KSamplerAdvanced"), _same_latents("latent_image")),
    "HiresFixBaseSampling": _same_latents("latent"),
    **dict.fromkeys(("VAEDecode", "VAEDecodeTiled"), _decode),
    **dict.fromkeys(("VAEEncode", "VAEEncodeTiled"), _encode),
    "HiresFixEncodeAnySize": _encode_any_size,
    **dict.fromkeys(("HiresFixDecodeToSize", "HiresFixRestoreFaces"), _same_pictures),
    "CheckpointLoaderSimple": _checkpoint,
    "UNETLoader": _model_file("diffusion_models", "unet_name"),
    "VAELoader": _model_file("vae", "vae_name"),
    **dict.fromkeys(("LoraLoader", "LoraLoaderModelOnly"), _same_model),
    **dict.fromkeys(("UpscaleModelLoader", "HiresFixUpscalerLoader"), _load_upscaler),
}
"""By class name."""
