"""Thumbnails that show results: what the pack's upscalers make of its example pictures, and what the demo's checkpoint
draws. All at 100 %, or in whole squares for a pixel.

python3 dev.py demo && python dev/mount.py dev.generate.thumbnails      after a change of the demo's weights

Workflows that need other models keep their drawings, see sketches.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from ...recipes.pictures import ASTRONAUT, CAT, COFFEE
from ..mount import ROOT
from ..quality.quality_upscalers import enlarge, lanczos, load
from .build_workflows import THUMBNAIL_SIZES, thumbnail, thumbnail_file

WIDTH, HEIGHT = THUMBNAIL_SIZES[0]
INPUT, WEIGHTS, OUTPUT = ROOT / "workflows" / "input", ROOT / "upscale_models" / "weights", ROOT / "output"


def results(demo: Path) -> dict[str, Image.Image]:
    """Return the pictures by the name of the workflow. `demo`: the folder with those of `dev.py demo`.

    Raises FileNotFoundError if one is missing there.
    """
    drawn = {name: Image.open(demo / f"{name}.png").convert("RGB") for name in DEMO}
    base = drawn["base"]
    coffee, coffee_2x = example(COFFEE.file), upscaled(COFFEE.file, 2)
    cat, cat_4x = example(CAT.file), upscaled(CAT.file, 4)
    fan = [upscaled(one.file, 2) for one in (ASTRONAUT, COFFEE, CAT)]
    return {
        "hires-fix-latent": inset(base, drawn["hires-fix-latent"]),
        "hires-fix-pixel": slider(base, drawn["hires-fix-pixel"], (0.5, 0.72)),
        "hires-fix-image": stairs(base, drawn["hires-fix-image"]),
        "multi-stage-upscale": inset(base, drawn["multi-stage"]),
        "standalone-upscale": slider(coffee, coffee_2x, (0.42, 0.55)),
        "standalone-two-upscalers": strips(
            {
                "Lanczos": lanczos(4, cat),
                "40 % : 60 %": Image.blend(cat_4x, lanczos(4, cat), 0.4),
                "hires-fix-4x": cat_4x,
            },
            (0.43, 0.42),
        ),
        "restore-faces": framed(upscaled(ASTRONAUT.file, 2), (0.44, 0.30), (0.345, 0.11, 0.555, 0.36)),
        "upscale-folder": fanned(fan),
    }


DEMO = ("base", "hires-fix-latent", "hires-fix-pixel", "hires-fix-image", "multi-stage")
"""Pictures of the demo."""


def example(file: str) -> Image.Image:
    return Image.open(INPUT / file).convert("RGB")


@cache
def upscaled(file: str, scale: int) -> Image.Image:
    return enlarge(load(WEIGHTS / f"hires-fix-{scale}x.safetensors"), example(file))


def crop(picture: Image.Image, centre: tuple[float, float] = (0.5, 0.5), size: tuple[int, int] = (0, 0)) -> Image.Image:
    """Return a part at 100 %, or in squares for a pixel where the picture is too small.

    `centre`: its middle, as shares of the picture. `size`: in pixels; the default is a whole card.
    """
    width, height = size if size[0] else (WIDTH, HEIGHT)
    factor = max(1, -(-width // picture.width), -(-height // picture.height))
    part = width / factor, height / factor
    left = min(max(centre[0] * picture.width - part[0] / 2, 0), picture.width - part[0])
    top = min(max(centre[1] * picture.height - part[1] / 2, 0), picture.height - part[1])
    box = (round(left), round(top), round(left) + round(part[0]), round(top) + round(part[1]))
    return picture.crop(box).resize((width, height), Image.Resampling.NEAREST)


def label(card: Image.Image, place: tuple[int, int], text: str, anchor: str = "lb") -> None:
    """Write white on a dark, half transparent pill; `anchor` as Pillow's, of the pill."""
    font = ImageFont.load_default(20)
    width = round(font.getlength(text)) + 20
    x = place[0] - {"l": 0, "m": width // 2, "r": width}[anchor[0]]
    y = place[1] - {"t": 0, "b": 32}[anchor[1]]
    dark = Image.new("RGB", (width, 32), "#0b0e13")
    mask = Image.new("L", (width, 32), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, 31), 9, fill=190)
    card.paste(dark, (x, y), mask)
    ImageDraw.Draw(card).text((x + width // 2, y + 16), text, fill="white", font=font, anchor="mm")


def times(before: Image.Image, after: Image.Image) -> str:
    return f"{after.width / before.width:g}x"


def slider(before: Image.Image, after: Image.Image, centre: tuple[float, float]) -> Image.Image:
    """Before and after, with the handle of a slider between them."""
    same = before.resize(after.size, Image.Resampling.BICUBIC)
    card = crop(after, centre)
    card.paste(crop(same, centre).crop((0, 0, WIDTH // 2, HEIGHT)), (0, 0))
    _handle(card, WIDTH // 2)
    label(card, (12, HEIGHT - 12), "before")
    label(card, (WIDTH - 12, HEIGHT - 12), times(before, after), "rb")
    return card


def strips(pictures: dict[str, Image.Image], centre: tuple[float, float]) -> Image.Image:
    """The same part of several, beside each other."""
    card = Image.new("RGB", (WIDTH, HEIGHT))
    for number, (name, picture) in enumerate(pictures.items()):
        left, right = (round(WIDTH * at / len(pictures)) for at in (number, number + 1))
        card.paste(crop(picture, centre, (right - left, HEIGHT)), (left, 0))
        label(card, ((left + right) // 2, HEIGHT - 12), name, "mb")
    for number in range(1, len(pictures)):
        x = round(WIDTH * number / len(pictures))
        ImageDraw.Draw(card).line((x, 0, x, HEIGHT), fill="white", width=3)
    return card


def inset(base: Image.Image, after: Image.Image) -> Image.Image:
    """The result, and in its corner the base picture, as much smaller as it is."""
    card = crop(after, (0.5, 0.8))
    shown = card.width / crop_width(after)
    side = round(base.width * shown * 0.5), round(base.height * shown * 0.5)
    small = base.resize(side, Image.Resampling.BICUBIC)
    place = 16, HEIGHT - 16 - small.height
    card.paste(small, place)
    x, y = place
    ImageDraw.Draw(card).rectangle((x - 3, y - 3, x + small.width + 2, y + small.height + 2), outline="white", width=3)
    label(card, (x + small.width + 12, HEIGHT - 12), "first pass")
    label(card, (WIDTH - 12, HEIGHT - 12), times(base, after), "rb")
    return card


def crop_width(picture: Image.Image) -> float:
    """How many of its pixels `crop` shows side by side."""
    return WIDTH / max(1, -(-WIDTH // picture.width), -(-HEIGHT // picture.height))


def stairs(base: Image.Image, after: Image.Image) -> Image.Image:
    """Both as a whole, beside each other, in their true proportion."""
    card = Image.new("RGB", (WIDTH, HEIGHT), "#1d2733")
    large = round(HEIGHT * 0.78)
    small = round(large * base.width / after.width)
    gap = (WIDTH - large - small) // 3
    floor = HEIGHT - (HEIGHT - large) // 2
    for picture, side, x in ((base, small, gap), (after, large, 2 * gap + small)):
        card.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (x, floor - side))
        ImageDraw.Draw(card).rectangle((x - 3, floor - side - 3, x + side + 2, floor + 2), outline="white", width=3)
    label(card, (gap + small // 2, floor - small - 12), "yours", "mb")
    label(card, (2 * gap + small + large - 10, floor - 10), times(base, after), "rb")
    return card


def framed(picture: Image.Image, centre: tuple[float, float], face: tuple[float, float, float, float]) -> Image.Image:
    """A part with a frame around a face, given as shares of the picture: which part the workflow restores."""
    marked = picture.copy()
    box = [share * side for share, side in zip(face, picture.size * 2, strict=True)]
    ImageDraw.Draw(marked).rounded_rectangle(box, 14, outline="white", width=4)
    card = crop(marked, centre)
    label(card, (12, HEIGHT - 12), "every face: GFPGAN, CodeFormer")
    return card


def fanned(pictures: list[Image.Image]) -> Image.Image:
    """Several, one behind the other."""
    card = Image.new("RGB", (WIDTH, HEIGHT), "#26303d")
    width, height = 330, 230
    for number, picture in enumerate(pictures):
        x, y = 18 + 73 * number, 18 + 59 * number
        card.paste(ImageOps.fit(picture, (width, height), Image.Resampling.LANCZOS), (x, y))
        ImageDraw.Draw(card).rectangle((x - 3, y - 3, x + width + 2, y + height + 2), outline="white", width=3)
    label(card, (WIDTH - 12, HEIGHT - 12), "a whole folder, 2x", "rb")
    return card


def _handle(card: Image.Image, x: int) -> None:
    pen = ImageDraw.Draw(card)
    middle = HEIGHT // 2
    pen.line((x, 0, x, HEIGHT), fill="white", width=3)
    pen.ellipse((x - 19, middle - 19, x + 19, middle + 19), fill="white")
    for sign in (-1, 1):
        pen.polygon(((x + sign * 14, middle), (x + sign * 6, middle - 7), (x + sign * 6, middle + 7)), fill="#303640")


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make the thumbnails that show results.")
    parser.add_argument("--demo", type=Path, default=OUTPUT, help="folder with the pictures of dev.py demo")
    parser.add_argument("--to", type=Path, help="only write them as PNG files into this folder")
    arguments = parser.parse_args()
    made = results(arguments.demo)
    write: Callable[[str, Image.Image], object] = (
        _write if arguments.to is None else (lambda name, picture: picture.save(arguments.to / f"{name}.png"))
    )
    for name, picture in made.items():
        write(name, picture)
    print(f"{len(made)} thumbnails")
    return 0


def _write(name: str, picture: Image.Image) -> None:
    thumbnail_file(name).write_bytes(thumbnail(picture, name))
