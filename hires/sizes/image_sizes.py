"""How large the second pass is: A1111's target-size rule, in plain integers."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

Size = tuple[int, int]  # width and height in pixels
MAX_SIDE = 16384
"""Largest side in pixels of a picture that is sampled, and of a width or height on a node: ComfyUI's own limit."""

MAX_PICTURE_SIDE = 1_000_000
"""Largest side in pixels of a picture that is upscaled without a diffusion model. libpng, with which most programs read
PNG files, takes no more; and what a picture costs in memory by its sides, however it is streamed, ends there, too."""

A1111_CELL = 8
"""Pixels a side of one latent cell that A1111's crop rule assumes; used when no VAE says otherwise."""


class SizeError(InputError):
    """A size that cannot be used. The text names the value found and the remedy."""


@dataclass(frozen=True)
class TargetSize:
    """The size of the second pass, made of the first's, and the crop that leads there; in pixels, but for the crop."""

    source_width: int
    source_height: int
    up_width: int
    up_height: int
    """Size to upscale to, before the crop. Not necessarily a multiple of the cell."""

    cell: int
    """Pixels a side of one latent cell (8 for SD1, SDXL, SD3, Flux; 16 for Flux2)."""

    crop_x: int
    crop_y: int
    """Whole latent cells that the centre crop removes in all from the width and the height; never negative."""

    @property
    def source(self) -> Size:
        """Size of the first pass."""
        return self.source_width, self.source_height

    @property
    def up(self) -> Size:
        return self.up_width, self.up_height

    @property
    def latent_size(self) -> Size:
        """Width and height in latent cells after the crop."""
        return self.up_width // self.cell - self.crop_x, self.up_height // self.cell - self.crop_y

    @property
    def size(self) -> Size:
        """Width and height of the finished picture in pixels: always whole latent cells."""
        width, height = self.latent_size
        return width * self.cell, height * self.cell

    def crop_window(self, latent_width: int, latent_height: int) -> tuple[int, int, int, int]:
        """Return `(x0, y0, x1, y1)` in cells: centred, an odd cell comes off the right and the bottom."""
        x0, y0 = self.crop_x // 2, self.crop_y // 2
        return x0, y0, latent_width - (self.crop_x - x0), latent_height - (self.crop_y - y0)


def target_size(
    width: int, height: int, hr_scale: float = 2.0, hr_resize_x: int = 0, hr_resize_y: int = 0, cell: int = A1111_CELL
) -> TargetSize:
    """Work out the size of the second pass as A1111 v1.10.1 does.

    Both `hr_resize_*` 0: `hr_scale` times the source. One given: that side, the other in proportion.
    Both given: cover the asked size, then cut whole latent cells off around the centre. Sizes that are not
    multiples of the cell are allowed everywhere; the picture is then cut to whole cells.

    Raises:
        SizeError: a side that is not positive, smaller than one cell, or larger than `MAX_SIDE`.
    """
    for name, value in (("width", width), ("height", height)):
        if not cell <= value <= MAX_SIDE:
            raise SizeError(f"{name} is {value}; the first pass needs {cell} to {MAX_SIDE} pixels a side.", name)
    for name, value in (("hr_resize_x", hr_resize_x), ("hr_resize_y", hr_resize_y)):
        if not 0 <= value <= MAX_SIDE:
            raise SizeError(f"{name} is {value}; use 0 (not given) or up to {MAX_SIDE} pixels.", name)

    crop_x = crop_y = 0
    if hr_resize_x == 0 and hr_resize_y == 0:
        if not hr_scale > 0:
            raise SizeError(f"hr_scale is {hr_scale}; it must be above 0 (2.0 doubles each side).", "hr_scale")
        if hr_scale * max(width, height) >= MAX_SIDE + 1:
            raise SizeError(
                f"hr_scale {hr_scale:g} makes {width}x{height} into {width * hr_scale:.0f}x{height * hr_scale:.0f}; "
                f"a side may have up to {MAX_SIDE} pixels. Lower hr_scale.",
                "hr_scale",
            )
        up_width, up_height = int(width * hr_scale), int(height * hr_scale)
    elif hr_resize_y == 0:
        up_width, up_height = hr_resize_x, hr_resize_x * height // width
    elif hr_resize_x == 0:
        up_width, up_height = hr_resize_y * width // height, hr_resize_y
    else:
        if width / height < hr_resize_x / hr_resize_y:
            up_width, up_height = hr_resize_x, hr_resize_x * height // width
        else:
            up_width, up_height = hr_resize_y * width // height, hr_resize_y
        # the floor of the other side can fall a pixel short of what was asked: nothing is cropped then
        crop_x = max(0, (up_width - hr_resize_x) // cell)
        crop_y = max(0, (up_height - hr_resize_y) // cell)

    target = TargetSize(width, height, up_width, up_height, cell, crop_x, crop_y)
    resized = "hr_resize_x" if hr_resize_x else "hr_resize_y" if hr_resize_y else "hr_scale"
    asked = f"{width}x{height} with hr_scale {hr_scale:g}, hr_resize_x {hr_resize_x}, hr_resize_y {hr_resize_y}"
    if max(up_width, up_height) > MAX_SIDE:
        raise SizeError(
            f"{asked} gives {up_width}x{up_height} before the crop; a side may have up to {MAX_SIDE} pixels.", resized
        )
    if min(target.latent_size) < 1:
        raise SizeError(f"{asked} gives {up_width}x{up_height}, less than one latent cell of {cell} pixels.", resized)
    return target


@dataclass(frozen=True)
class ImageSize:
    """The size a picture is brought to on its own, in pixels; any number, not only whole latent cells."""

    up_width: int
    up_height: int
    width: int
    height: int
    """Size before the crop, and after it; it is centred."""


def image_size(
    width: int, height: int, resize: float | Size, crop: bool = True, longest: int = MAX_PICTURE_SIDE
) -> ImageSize:
    """Work out the exact size of a picture that is upscaled without a diffusion model.

    Args:
        width: of the picture.
        height: of the picture.
        resize: a factor for both sides (rounded to whole pixels), or the width and height to cover.
        crop: cut to exactly that width and height; without it the covering size stays.
        longest: side that is allowed, also before the crop.

    Raises:
        SizeError: a size that is not positive or above `longest`.
    """
    if isinstance(resize, tuple):
        for name, side in zip(("upscaling_resize_w", "upscaling_resize_h"), resize, strict=True):
            if not 1 <= side <= longest:
                raise SizeError(f"{name} is {side}; a side has 1 to {longest} pixels.", name)
        up = cover_size(width, height, *resize)
        size = ImageSize(*up, *(resize if crop else up))
    else:
        if not 0 < resize * max(width, height) < longest + 1:
            raise SizeError(
                f"upscaling_resize {resize:g} makes {width}x{height} into {width * resize:.0f}x{height * resize:.0f}; "
                f"a side has 1 to {longest} pixels.",
                "upscaling_resize",
            )
        up = max(1, round(width * resize)), max(1, round(height * resize))
        size = ImageSize(*up, *up)
    if max(up) > longest:
        raise SizeError(
            f"covering the size asked for makes {width}x{height} into {up[0]}x{up[1]}; "
            f"a side has up to {longest} pixels.",
            "upscaling_resize_w" if isinstance(resize, tuple) else "upscaling_resize",
        )
    return size


def cover_size(width: int, height: int, target_width: int, target_height: int) -> Size:
    """Smallest size of the same shape as `width` x `height` that covers the target, at least the target's sides."""
    if width * target_height < target_width * height:
        return target_width, max(target_height, round(height * target_width / width))
    return max(target_width, round(width * target_height / height)), target_height
