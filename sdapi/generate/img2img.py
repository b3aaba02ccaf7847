"""img2img: a batch as a graph of the pack's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ...hires.graph import stages
from ...hires.graph.builder import Output
from ..colours import Levels, colours_of, corrected
from ..errors import failed, refused
from .asked import Asked
from .graph import Control, StrictGraph, controlled, finish, hand_over, how_asked, passes_of, tiles, upscaler_of
from .house import House
from .masking import NOISE, NOTHING, Box, Masked, as_alpha, latent_mask, masked
from .pictures import decoded
from .placing import CROP, JUST_RESIZE, LATENT, Enlarge, Size, flattened, inner_size, resized
from .requests import Img2Img

NAME = "img2img"
_NO_UPSCALER = (None, "", "None")

Put = Callable[[Image.Image], str]
"""Puts a picture into the host's folders and tells its name there."""


def sent_pictures(request: Img2Img, colour: str) -> list[Image.Image]:
    """The pictures of a request, without transparency.

    Raises:
        ApiError: there is none, or it cannot be read.
    """
    if request.init_images is None:
        raise refused(404, "Init image not found")
    if not request.init_images:
        raise failed("IndexError", "init_images is empty; send a picture.")
    return [flattened(decoded(text), colour) for text in request.init_images]


@dataclass(frozen=True)
class Loaded:
    """What the graph loads, by the names that the host has for it."""

    names: tuple[str, ...]
    size: Size
    """Of the pictures."""

    mask: str | None = None
    """A picture of a pixel a latent cell, transparent where it is drawn anew; None: all is."""

    controls: tuple[Control, ...] = ()
    last_seed: int | None = None
    """That A1111 has drawn noise with before it encodes the pictures; None: nobody knows."""


@dataclass(frozen=True)
class Afterwards:
    """What becomes of the pictures that were drawn."""

    masked: Masked | None = None
    colours: tuple[Levels, ...] = ()
    """Of each picture of a batch, that it gets back; see `colours_of`. Of one: for all."""

    @property
    def paste_to(self) -> Box | None:
        return self.masked and self.masked.paste_to

    @property
    def said(self) -> Mapping[str, Any]:
        """What the text tells of it."""
        return self.masked.said if self.masked else {}

    def composed(self, drawn: Sequence[Image.Image]) -> list[Image.Image]:
        """The results of a batch."""
        if self.colours:
            several = len(self.colours) > 1
            drawn = [corrected(image, self.colours[index if several else 0]) for index, image in enumerate(drawn)]
        return self.masked.composed(drawn) if self.masked else list(drawn)


def prepared(
    asked: Asked[Img2Img],
    sent: Sequence[Image.Image],
    put: Put,
    enlarge: Enlarge,
    last_seed: int | None = None,
    colours: Levels | None = None,
) -> tuple[Loaded, Afterwards]:
    """What the graph loads, and what becomes of its pictures.

    Args:
        put, last_seed: see `Put`, `Loaded`.
        enlarge: see `enlarging`.
        colours: that the results get; None: those of the pictures.

    Raises:
        ApiError: more pictures than a batch has; a mask that cannot be read, or asks for what is not done.
    """
    if len(sent) > 1 and len(sent) > asked.batch_size:
        count = f"{len(sent)}; expecting {asked.batch_size} or less"
        raise failed("RuntimeError", f"bad number of images passed: {count}")
    request, mask, mode = asked.request, None, asked.request.resize_mode or 0
    uses = enlarge if asked.options["upscaler_for_img2img"] not in _NO_UPSCALER else None
    found = masked(request, sent, asked.sides, uses)
    if found and found.shown:
        mask = put(as_alpha(latent_mask(found.shown, asked.cells, bool(request.mask_round))))
    corrects = bool(asked.options["img2img_color_correction"])
    if found:
        pictures = found.pictures
    elif mode == LATENT or (_is_of_graph(asked, sent) and not corrects):
        pictures = tuple(sent)
    else:
        pictures = tuple(resized(picture, mode, asked.sides, uses) for picture in sent)
    if len({picture.size for picture in pictures}) > 1:
        raise failed("ValueError", "init_images have several sizes: send one at a time, or resize_mode 0, 1 or 2.")
    given = () if not corrects else (colours,) if colours is not None else tuple(map(colours_of, pictures))
    names = tuple(put(picture) for picture in pictures)
    return Loaded(names, pictures[0].size, mask, last_seed=last_seed), Afterwards(found, given)


def _is_of_graph(asked: Asked[Img2Img], sent: Sequence[Image.Image]) -> bool:
    """Whether the pictures get larger, and the graph that draws can do that, too."""
    sizes = {picture.size for picture in sent}
    fits = asked.request.resize_mode in (None, JUST_RESIZE, CROP) and len(sizes) == 1
    return fits and _upscaler(asked, sizes.pop()) is not None


def enlarging(asked: Asked[Img2Img], picture: str, factor: float, house: House) -> StrictGraph:
    """The graph that enlarges a picture with the upscaler of img2img, where A1111 goes on with it in 8 bits.

    Raises:
        ApiError: there is no such upscaler.
        GraphError: a value that the node does not take.
    """
    graph = StrictGraph(NAME)
    graph.stage("Picture")
    image = stages.load_picture(graph, picture)
    graph.stage("Upscale")
    large = _larger(graph, asked, image, factor, house)
    graph.stage("Result")
    hand_over(graph, large)
    return graph


def graph_of(asked: Asked[Img2Img], number: int, house: House, loaded: Loaded) -> StrictGraph:
    """The graph of a batch, counted from 0.

    Raises:
        GraphError: a value that a node does not take.
        ApiError: a prompt asks for what cannot be loaded.
    """
    graph = StrictGraph(NAME)
    settings = asked.iteration(number)
    graph.stage("Model and prompts")
    # editing in prompts counts all steps, not those that are left at this strength
    counted: dict[str, Any] = {"steps": settings.steps, "for_pass": "first pass", "sampler_name": settings.sampler_name}
    passes = passes_of(graph, asked, number, house, **counted)
    only = controlled(graph, passes.first(), loaded.controls)
    graph.stage("Picture")
    images = [stages.load_picture(graph, name) for name in loaded.names]
    images = [_enlarged(graph, asked, image, loaded.size, house) for image in images]
    latent = _encoded(graph, asked, images, only.models.vae, loaded.last_seed)
    mask, kept = None, latent
    if loaded.mask:
        mask = graph.node("HiresFixLoadImage", title="Mask", image=loaded.mask).out("mask")
        if asked.request.inpainting_fill in (NOISE, NOTHING):
            latent = _laid_over(graph, latent, _instead(graph, asked, only.models.model), mask)
        kept, latent = latent, graph.node("SetLatentNoiseMask", samples=latent, mask=mask).out()
    graph.stage("Redraw")
    told = how_asked(settings)
    strength = asked.request.denoising_strength
    if strength is None:
        raise failed("TypeError", "denoising_strength is null. Leave it out for 0.75, or send 0 to 1.")
    shared = passes.sampling(only, **told)
    drawn = stages.second_pass(graph, shared, passes.noise, latent, min(strength, 1.0), steps_rule="img2img")
    if mask and not asked.request.mask_round:  # what a soft mask keeps in part is kept in the result, too
        drawn = _laid_over(graph, kept, drawn, mask)
    finish(graph, drawn, only)
    return graph


def _laid_over(graph: StrictGraph, below: Output, above: Output, mask: Output) -> Output:
    """A latent over another where the mask is white."""
    given: dict[str, Any] = {"x": 0, "y": 0, "resize_source": False, "mask": mask}
    return graph.node("LatentCompositeMasked", destination=below, source=above, **given).out()


def _instead(graph: StrictGraph, asked: Asked[Img2Img], model: Output) -> Output:
    """What begins in the place of the picture: nothing, or noise of strength 1, of the first seeds in every batch."""
    if asked.request.inpainting_fill == NOTHING:
        return stages.empty_picture(graph, *asked.size, asked.batch_size)
    seeds = asked.seeds[: asked.batch_size]
    alike = len(set(seeds)) == 1
    empty = stages.empty_picture(graph, *asked.size, 1 if alike else asked.batch_size)
    noise = stages.noise(graph, seeds[0], asked.settings.noise_source)
    one = graph.node("ManualSigmas", sigmas="1").out()
    drawn = graph.node("AddNoise", model=model, noise=noise, sigmas=one, latent_image=empty).out()
    return _repeated(graph, drawn, asked.batch_size) if alike else drawn


def _repeated(graph: StrictGraph, latent: Output, count: int) -> Output:
    return graph.node("RepeatLatentBatch", samples=latent, amount=count).out() if count > 1 else latent


def _upscaler(asked: Asked[Img2Img], size: Size) -> str | None:
    """The upscaler that brings a picture of this size to the job's; None where A1111 uses none."""
    name, mode = asked.options["upscaler_for_img2img"], asked.request.resize_mode or 0
    if name in _NO_UPSCALER or mode == LATENT:
        return None
    target = asked.sides if mode == JUST_RESIZE else inner_size(size, mode, asked.sides)
    return name if max(new / old for new, old in zip(target, size, strict=True)) > 1 else None


def _enlarged(graph: StrictGraph, asked: Asked[Img2Img], image: Output, size: Size, house: House) -> Output:
    """The picture enlarged by the upscaler of img2img."""
    if _upscaler(asked, size) is None:
        return image
    crops = asked.request.resize_mode == CROP
    target = inner_size(size, CROP, asked.sides) if crops else asked.sides
    large = _larger(graph, asked, image, max(new / old for new, old in zip(target, size, strict=True)), house)
    sides: dict[str, Any] = {"width": target[0], "height": target[1]}
    made = graph.node("ImageScale", image=large, upscale_method="lanczos", crop="disabled", **sides).out()
    if crops:
        width, height = asked.sides
        at: dict[str, Any] = {"x": target[0] // 2 - width // 2, "y": target[1] // 2 - height // 2}
        made = graph.node("ImageCrop", image=made, width=width, height=height, **at).out()
    return made


def _larger(graph: StrictGraph, asked: Asked[Img2Img], image: Output, factor: float, house: House) -> Output:
    name = asked.options["upscaler_for_img2img"]
    found = house.upscaler(name)
    if found is None:
        raise failed("Exception", f"could not find upscaler named {name}")
    return graph.node(
        "HiresFixUpscaleImage",
        image=image,
        upscaler=upscaler_of(graph, found, asked.options),
        resize_mode="scale by",
        upscaling_resize=factor,
        numbers="A1111",
        **tiles(asked.options),
    ).out("image")


def _encoded(
    graph: StrictGraph, asked: Asked[Img2Img], images: Sequence[Output], vae: Output, last_seed: int | None
) -> Output:
    """The latent of a batch."""
    together = images[0]
    for image in images[1:]:
        together = graph.node("ImageBatch", image1=together, image2=image).out()
    # A1111's other source of noise leaves the generator alone that it encodes with
    knows = last_seed is not None and asked.options["randn_source"] != "NV"
    noise = stages.noise(graph, last_seed, "CPU") if knows else None
    latent = graph.node("HiresFixEncodeAnySize", image=together, vae=vae, numbers="A1111", noise=noise).out()
    if asked.request.resize_mode == LATENT:
        sides: dict[str, Any] = dict(zip(("width", "height"), asked.size, strict=True))
        latent = graph.node("LatentUpscale", samples=latent, upscale_method="bilinear", crop="disabled", **sides).out()
    return _repeated(graph, latent, asked.batch_size) if len(images) == 1 else latent
