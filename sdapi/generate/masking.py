"""Masks of img2img: what is drawn anew, how it is cut out and filled before, and laid over the picture afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from ..errors import failed
from .pictures import decoded
from .placing import CROP, FILL, LATENT, Enlarge, resized
from .requests import Img2Img

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are outside."""

FILLED, ORIGINAL, NOISE, NOTHING = 0, 1, 2, 3
"""What is under the mask at the start."""

_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radius of a blur and how often it is laid over those before: colours of the surroundings flow into the gap."""


@dataclass(frozen=True)
class Masked:
    """A job with a mask, prepared."""

    pictures: tuple[Image.Image, ...]
    """What is redrawn, at the size of the job, with the gap filled if that is asked for."""

    shown: Image.Image | None
    """Of what enters the sampler: white is drawn anew. None: the mask is empty, and all is drawn."""

    overlays: tuple[Image.Image, ...] = ()
    """The pictures without what is drawn anew; transparent there."""

    paste_to: Box | None = None
    """Where the result belongs; None: it is the whole."""

    said: Mapping[str, Any] = field(default_factory=dict)
    """What the text tells of it."""

    enlarge: Enlarge | None = None

    def composed(self, drawn: Sequence[Image.Image]) -> list[Image.Image]:
        """The results of a batch, each with the kept parts over it."""
        if not self.overlays:
            return list(drawn)
        several = len(self.overlays) > 1
        return [self._over(image, self.overlays[index if several else 0]) for index, image in enumerate(drawn)]

    def _over(self, image: Image.Image, overlay: Image.Image) -> Image.Image:
        whole = image.convert("RGBA")
        if self.paste_to:
            left, top, right, bottom = self.paste_to
            whole = Image.new("RGBA", overlay.size)
            whole.paste(resized(image, CROP, (right - left, bottom - top), self.enlarge), (left, top))
        whole.alpha_composite(overlay)
        made = whole.convert("RGB")
        made.info.update(image.info)
        return made


def masked(
    request: Img2Img, sent: Sequence[Image.Image], size: tuple[int, int], enlarge: Enlarge | None = None
) -> Masked | None:
    """Prepare the pictures of a request for its mask; None if it has none.

    Raises:
        ApiError: the mask cannot be read, or makes no sense.
    """
    if not request.mask:
        return None
    mode, padding = request.resize_mode or 0, request.inpaint_full_res_padding or 0
    if request.inpaint_full_res and padding < 0:
        raise failed("ValueError", f"inpaint_full_res_padding is {padding}; it takes 0 pixels or more.")
    mask = binary(decoded(request.mask), bool(request.mask_round))
    if request.inpainting_mask_invert:
        mask = ImageOps.invert(mask)
    blur = _blur_of(request)
    mask = blurred(mask, *blur)
    said: dict[str, Any] = {"Mask mode": "Inpaint not masked"} if request.inpainting_mask_invert else {}
    said |= {"Mask blur": blur[0] if blur[0] == blur[1] else None} if max(blur) > 0 else {}
    box, over = None, mask
    if request.inpaint_full_res:
        found = _region(mask, padding)
        if found is None:  # nothing is marked: all is drawn
            kept = sent if mode == LATENT else [resized(image, mode, size, enlarge) for image in sent]
            return Masked(tuple(kept), None, said=said)
        box = _in_proportion(found, size, mask.size)
        mask = resized(mask.crop(box), FILL, size)
        said |= {"Inpaint area": "Only masked", "Masked area padding": padding}
    else:
        mask = resized(mask, mode, size)
        over = mask.point([min(255, level * 2) for level in range(256)])
    drawn = decoded(request.latent_mask).convert("RGB") if request.latent_mask else mask
    pictures, overlays = [], []
    for image in sent:
        if box is None and mode != LATENT:
            image = resized(image, mode, size, enlarge)
        if over.size != image.size:
            over = resized(over, mode, image.size)
        overlays.append(_kept(image, over).convert("RGBA"))
        if box:
            image = resized(image.crop(box), FILL, size, enlarge)
        if request.inpainting_fill != ORIGINAL:
            image = filled(image, _of_size(drawn, image.size))
        pictures.append(image)
    words = {FILLED: "fill", NOISE: "latent noise", NOTHING: "latent nothing"}
    if request.inpainting_fill in words:
        said["Masked content"] = words[request.inpainting_fill]
    return Masked(tuple(pictures), drawn, tuple(overlays), box, said, enlarge)


def _of_size(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    if mask.size != size:
        found, wanted = (f"{width}x{height}" for width, height in (mask.size, size))
        raise failed("ValueError", f"latent_mask has {found} pixels; what it is filled in has {wanted}. Send it so.")
    return mask


def binary(mask: Image.Image, rounds: bool) -> Image.Image:
    """White where it is drawn anew: the alpha of a picture that has some, else its brightness."""
    if mask.mode == "RGBA" and mask.getextrema()[-1] != (255, 255):
        alpha = mask.getchannel("A")
        return alpha.point([255 if level > 128 else 0 for level in range(256)]) if rounds else alpha
    return mask.convert("L")


def latent_mask(mask: Image.Image, cells: tuple[int, int], rounds: bool) -> Image.Image:
    """The mask of every latent cell, 8 bits a level."""
    small = mask.convert("RGB").resize(cells, Image.Resampling.BICUBIC).getchannel("R")
    return small.point([255 if level > 127 else 0 for level in range(256)]) if rounds else small


def as_alpha(mask: Image.Image) -> Image.Image:
    """A picture whose transparency is the mask: Load Image (16-bit, ICC) gives it as its mask, 1 where it is white."""
    made = Image.new("RGB", mask.size)
    made.putalpha(ImageOps.invert(mask))
    return made


def filled(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with the colours around the mask in it."""
    around = _kept(image, mask)  # multiplied by its alpha: to divide and multiply again would round twice
    made = Image.new("RGBA", image.size)
    for radius, times in _BLURS:
        layer = around.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            made.alpha_composite(layer)
    return made.convert("RGB")


def blurred(mask: Image.Image, x: int, y: int) -> Image.Image:
    """Gaussian blur of a grey picture, along each side by its own sigma in pixels; as OpenCV does it in 8 bits.

    Raises ApiError if a sigma is too large.
    """
    levels = np.asarray(mask)
    for sigma, axis in ((x, 1), (y, 0)):
        if sigma > MOST_BLUR:
            raise failed("ValueError", f"mask_blur is {sigma}; it takes up to {MOST_BLUR} pixels.")
        if sigma > 0:
            levels = _blur_along(levels, _weights(sigma), axis)
    return Image.fromarray(levels)


MOST_BLUR = 10_000
_ONE = 256
"""Weights are whole numbers with this sum: there are at most so many, however far they reach."""


def _weights(sigma: float) -> NDArray[np.int64]:
    """What rounding takes from one weight the next gets, and the middle one the rest."""
    reach = int(2.5 * sigma + 0.5)
    exact = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    exact *= _ONE / exact.sum()
    half, left_over = [], 0.0
    for weight in exact[:reach]:
        wanted = weight + left_over
        half.append(round(wanted))
        left_over = wanted - half[-1]
    return np.array([*half, _ONE - 2 * sum(half), *reversed(half)], dtype=np.int64)


def _blur_along(levels: NDArray[np.uint8], weights: NDArray[np.int64], axis: int) -> NDArray[np.uint8]:
    levels = np.moveaxis(levels, axis, -1)
    reach, length = len(weights) // 2, levels.shape[-1]
    # mirrored at the edge, without repeating its pixel
    period = max(1, 2 * length - 2)
    places = np.arange(-reach, length + reach) % period
    padded = levels[..., np.where(places < length, places, period - places)].astype(np.uint16)
    total = np.full(levels.shape, _ONE // 2, np.uint16)  # all levels at 255 fit
    for shift in np.nonzero(weights)[0]:
        total += padded[..., shift : shift + length] * np.uint16(weights[shift])
    return np.moveaxis((total // _ONE).astype(np.uint8), -1, axis)


def _blur_of(request: Img2Img) -> tuple[int, int]:
    if request.mask_blur is not None:
        return request.mask_blur, request.mask_blur
    return request.mask_blur_x or 0, request.mask_blur_y or 0


def _kept(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture, transparent where the mask is white; its colours are multiplied by its alpha."""
    made = Image.new("RGBa", image.size)
    made.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask.convert("L")))
    return made


def _region(mask: Image.Image, padding: int) -> Box | None:
    """What holds all that is marked, and some pixels around it; None if nothing is."""
    box = mask.getbbox()
    if box is None:
        return None
    width, height = mask.size
    return (
        max(0, box[0] - padding),
        max(0, box[1] - padding),
        min(width, box[2] + padding),
        min(height, box[3] + padding),
    )


def _in_proportion(box: Box, size: tuple[int, int], whole: tuple[int, int]) -> Box:
    """The box made as wide as it is high in a picture of that size, inside of the whole as far as that goes."""
    sides, wanted = (box[2] - box[0], box[3] - box[1]), size[0] / size[1]
    axis = 1 if sides[0] / sides[1] > wanted else 0
    long = sides[0] / wanted if axis else sides[1] * wanted
    more = int(long - sides[axis])
    first = box[axis] - more // 2
    last = box[axis + 2] + more - more // 2
    if last >= whole[axis]:
        first, last = first - (last - whole[axis]), whole[axis]
    if first < 0:
        first, last = 0, last - first
    last = min(last, whole[axis])
    return (box[0], first, box[2], last) if axis else (first, box[1], last, box[3])
