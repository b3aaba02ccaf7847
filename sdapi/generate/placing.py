"""Pictures brought to the size of an img2img job, in 8 bits as A1111 does it."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageColor

from ..errors import failed

JUST_RESIZE, CROP, FILL, LATENT = 0, 1, 2, 3
"""A1111's resize modes. What is none of them works like `FILL`, as there."""

Size = tuple[int, int]

MOST_PIXELS = 2**28
"""Width times height of any picture of a request, also on its way to another size."""

Enlarge = Callable[[Image.Image, float], Image.Image]
"""Makes a picture larger by a factor above 1, about: with the upscaler of img2img."""


def flattened(image: Image.Image, colour: str) -> Image.Image:
    """The picture without transparency, over a colour."""
    if image.mode in ("LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode != "RGBA":
        return image.convert("RGB")
    try:
        background = Image.new("RGB", image.size, ImageColor.getrgb(colour))
    except ValueError:
        raise failed(
            "ValueError", f"img2img_background_color is {colour!r}, which is no colour like '#ffffff'."
        ) from None
    background.paste(image, mask=image)
    return background


def resized(image: Image.Image, mode: int, size: Size, enlarge: Enlarge | None = None) -> Image.Image:
    """The picture at exactly that size: stretched, cropped at its middle, or whole with its edges drawn out.

    `enlarge`: used before Lanczos where a picture gets larger; never of masks.
    """
    if mode == JUST_RESIZE:
        return scaled(image, size, enlarge)
    inner = inner_size(image.size, mode, size)
    if min(inner) < 1 or inner[0] * inner[1] > MOST_PIXELS:
        (a, b), (c, d), (e, f) = image.size, size, inner
        raise failed("ValueError", f"A picture of {a}x{b} pixels would be {e}x{f} before it is {c}x{d}: crop it first.")
    left, top = (whole // 2 - part // 2 for whole, part in zip(size, inner, strict=True))
    small = scaled(image, inner, enlarge)
    made = Image.new("RGB" if image.mode != "L" else "L", size)
    made.paste(small, (left, top))
    if mode != CROP:
        _draw_out(made, small, left, top)
    return made


def inner_size(of: Size, mode: int, size: Size) -> Size:
    """Size of the whole picture before it is cropped to a size, or inside of it with its edges drawn out."""
    is_wider = size[0] / size[1] > of[0] / of[1]
    is_narrower = size[0] / size[1] < of[0] / of[1]
    takes_width = is_wider if mode == CROP else is_narrower
    if takes_width:
        return size[0], of[1] * size[0] // of[0]
    return of[0] * size[1] // of[1], size[1]


def scaled(image: Image.Image, size: Size, enlarge: Enlarge | None = None) -> Image.Image:
    factor = max(new / old for new, old in zip(size, image.size, strict=True))
    if enlarge and image.mode != "L" and factor > 1:
        image = enlarge(image, factor)
    return image.resize(size, Image.Resampling.LANCZOS)


def _draw_out(made: Image.Image, small: Image.Image, left: int, top: int) -> None:
    """Fill what is free at two sides with the outermost rows or columns of the picture inside.

    Both sides get as much as the first: a side that is one pixel longer ends black, as in A1111. A box without height
    or width is resampled from the two rows or columns beside it.
    """
    (width, height), (inner_width, inner_height) = made.size, small.size
    if top > 0:
        for edge, at in ((0, 0), (inner_height, top + inner_height)):
            made.paste(small.resize((width, top), box=(0, edge, inner_width, edge)), (0, at))
    elif left > 0:
        for edge, at in ((0, 0), (inner_width, left + inner_width)):
            made.paste(small.resize((left, height), box=(edge, 0, edge, inner_height)), (at, 0))
