"""The drawn pictures of the help pages: what a node works out, from the pack's own numbers.

A page that shows `two-passes.png` gets the picture of the function `two_passes`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from PIL import Image

from ...hires.sampling.schedules import karras
from ...hires.seams.lines import line_steps
from ...hires.sizes import image_sizes
from ...hires.sizes.latent import upscale_latent
from ...hires.sizes.stages import redraw_strengths, stage_sizes
from ...hires.tile_plan.drawing import draw_plan
from ...hires.tile_plan.plan import TilePlan
from ...hires.tile_plan.text import read_plan
from ...hires.tile_plan.tiles import places_of, side_by_side
from ...hires.tiles.grid import tile_grid
from .help_drawings_passes import before_every_sampling, before_second_pass, ldsr_windows  # noqa: F401
from .help_sheet import BLUE, GREEN, GREY, INK, ORANGE, PAPER, WIDTH, Point, Sheet


def two_passes() -> Image.Image:
    """The chain of the nodes."""
    sheet = Sheet(330)
    sheet.box((10, 130, 165, 190), "Base Sampling", BLUE, fill=True)
    sheet.box((200, 70, 350, 130), "Latent Upscale")
    sheet.box((200, 190, 350, 250), "Pixel Upscale")
    sheet.box((385, 60, 552, 120), "Re-noise")
    sheet.box((385, 200, 552, 260), "Second Sampling", BLUE, fill=True)
    sheet.box((10, 15, 165, 65), "Seed and Noise", GREEN)
    for end in ((198, 105), (198, 215)):
        sheet.arrow((165, 160), end)
    sheet.arrow((350, 100), (383, 92))
    sheet.arrow((350, 215), (400, 122))
    sheet.arrow((500, 120), (500, 198))
    sheet.arrow((88, 65), (88, 128), GREEN)
    sheet.line([(165, 40), (500, 40)], GREEN)
    sheet.arrow((500, 40), (500, 59), GREEN)
    sheet.line([(367, 40), (367, 230)], GREEN)
    sheet.arrow((367, 230), (384, 230), GREEN)
    sheet.text((88, 215), "512x768", GREY)
    sheet.text((468, 285), "1024x1536", GREY)
    sheet.text((275, 285), "either one", GREY)
    return sheet.image


def prompt_editing() -> Image.Image:
    """Which word is drawn when."""
    sheet = Sheet(230)
    for x, title in ((160, "first pass"), (350, "second pass")):
        sheet.text((x + 95, 22), title, GREY)
    for y, prompt, changes in ((55, "[cat:dog:0.5]", 0.5), (140, "[cat:dog:1.5]", 1.5)):
        sheet.text((150, y + 30), prompt, to="rm", size=20)
        ends = sorted((0.0, 1.0, changes, 2.0))
        for start, end in pairwise(ends):
            left, right = 160 + 190 * start, 160 + 190 * end
            sheet.area((left, y, right, y + 60), BLUE if start < changes else ORANGE)
            sheet.text(((left + right) / 2, y + 30), "cat" if start < changes else "dog", PAPER)
    sheet.line([(350, 40), (350, 215)], PAPER, 6)
    return sheet.image


def target_size() -> Image.Image:
    """One picture by a factor, to one side and to both sides."""
    sheet = Sheet(330)
    asked = (
        ("hr_scale 2", {"hr_scale": 2.0}),
        ("x 768", {"hr_resize_x": 768}),
        ("1024, 1024", {"hr_resize_x": 1024, "hr_resize_y": 1024}),
    )
    sheet.box((20, 110, 20 + 64, 110 + 96), colour=GREY)
    sheet.text((52, 235), "512x768", GREY, 20)
    for index, (title, given) in enumerate(asked):
        size = image_sizes.target_size(512, 768, **given)
        x, middle = 130 + 148 * index, 158
        sheet.text((x + 64, 28), title, size=20)
        up, kept = (size.up_width / 8, size.up_height / 8), (size.size[0] / 8, size.size[1] / 8)
        sheet.box((x, middle - up[1] / 2, x + up[0], middle + up[1] / 2), colour=GREY)
        place = (x, middle - kept[1] / 2, x + kept[0], middle + kept[1] / 2)
        sheet.box(place, colour=BLUE, fill=True)
        sheet.text((x + 64, 290), "{}x{}".format(*size.size), BLUE, 20)
    return sheet.image


def latent_modes() -> Image.Image:
    """What three modes make of the same eight by eight cells, shown as grey."""
    sheet = Sheet(240)
    y, x = np.mgrid[0:8, 0:8]
    cells = torch.from_numpy((np.hypot(x - 3.5, y - 3.5) < 3).astype(np.float32))[None, None]
    modes = ("Latent", "Latent (bicubic antialiased)", "Latent (nearest-exact)")
    for index, (mode, title) in enumerate(zip(modes, ("Latent", "bicubic anti.", "nearest-exact"), strict=True)):
        large = upscale_latent(cells, image_sizes.target_size(64, 64, 1.75), mode)[0, 0].clamp(0, 1)
        large = large.mul(255).to(torch.uint8).numpy()
        square = Image.fromarray(large).resize((168, 168), Image.Resampling.NEAREST)
        sheet.image.paste(square.convert("RGB"), (15 + 181 * index, 15))
        sheet.text((99 + 181 * index, 212), title, size=20)
    return sheet.image


def pixel_upscale() -> Image.Image:
    """Decode, upscale, encode, for 512x768 to 1024x1536."""
    sheet = Sheet(240)
    sheet.box((12, 85, 92, 135), "64x96", GREY)
    sheet.box((165, 70, 270, 150), "512x768", BLUE, fill=True)
    sheet.box((330, 30, 460, 190), "1024x1536", BLUE, fill=True)
    sheet.box((470 + 16, 60, 552, 160), "128\nx192", GREY)
    for start, end in ((92, 163), (270, 328), (460, 484)):
        sheet.arrow((start, 110), (end, 110))
    for x, words in ((127, "decode"), (300, "upscale"), (480, "encode")):
        sheet.text((x, 215), words, ORANGE)
    sheet.text((52, 160), "latent", GREY, 20)
    sheet.text((519, 180), "latent", GREY, 20)
    return sheet.image


def diffusion_upscalers() -> Image.Image:
    """What SD x4, a redraw and SeedVR2 do on the way from 512 to 2048."""
    sheet = Sheet(345)
    rows = (("SD x4", "drawn anew, 4x"), ("any model", "redrawn in windows"), ("SeedVR2", "restored in windows"))
    for index, (name, words) in enumerate(rows):
        top = 15 + 110 * index
        sheet.text((8, top + 42), name, ORANGE, 20, "lm")
        sheet.box((118, top + 22, 166, top + 62), "512", GREY)
        if index:
            sheet.arrow((166, top + 42), (196, top + 42))
            sheet.box((200, top, 284, top + 84), "2048", GREY)
        start = 284 if index else 166
        sheet.arrow((start, top + 42), (462, top + 42))
        sheet.text(((start + 462) / 2, top + 22), words, INK, 18)
        sheet.box((466, top, 550, top + 84), "2048", BLUE, fill=True)
        for side in (494, 522) if index else ():
            sheet.line([(side, top), (side, top + 84)], PAPER, 1)
            sheet.line([(466, top + side - 466), (550, top + side - 466)], PAPER, 1)
        if index:
            sheet.text((242, top + 96), "resized first", GREY, 16)
    return sheet.image


def folder() -> Image.Image:
    """Files in, files out."""
    sheet = Sheet(240)
    for x, title, names, colour in (
        (20, "input_folder", ("cat.png", "dog.jpg", "sea.tif"), GREY),
        (310, "output_folder", ("cat_x2.png", "dog_x2.jpg", "sea_x2.tif"), BLUE),
    ):
        sheet.text((x + 115, 24), title, colour)
        for index, name in enumerate(names):
            sheet.box((x, 48 + 62 * index, x + 230, 98 + 62 * index), name, colour, fill=colour == BLUE)
    for index in range(3):
        sheet.arrow((255, 73 + 62 * index), (305, 73 + 62 * index))
    return sheet.image


def stages() -> Image.Image:
    """The way up from 512 to 2048 with a 2x upscaler."""
    sheet = Sheet(300)
    sizes = [(512, 512), *stage_sizes((512, 512), (2048, 2048), 0, 2)]
    strengths = ["", *(f"redraw {strength:.2f}" for strength in redraw_strengths(len(sizes) - 1, 0.3, 0.8, True))]
    x = 20
    for index, ((width, height), strength) in enumerate(zip(sizes, strengths, strict=True)):
        side = width / 9.4
        sheet.box((x, 240 - side, x + side, 240), colour=BLUE, fill=True)
        sheet.text((x + side / 2, 258), f"{width}x{height}" if index else "512", GREY, 18)
        sheet.text((x + side / 2, 282), strength, ORANGE, 18)
        if index + 1 < len(sizes):
            sheet.arrow((x + side + 8, 215), (x + side + 62, 215))
        x += side + 70
    return sheet.image


def any_size() -> Image.Image:
    """A picture that does not fill its last cells."""
    sheet = Sheet(230)
    sheet.box((20, 40, 165, 136), "450x299", BLUE, fill=True)
    sheet.arrow((175, 88), (205, 88))
    sheet.area((215, 40, 375, 148), ORANGE)
    sheet.box((215, 40, 360, 136), "57x38 cells", BLUE, fill=True)
    sheet.arrow((385, 88), (405, 88))
    sheet.box((412, 40, 550, 136), "450x299", BLUE, fill=True)
    sheet.text((295, 175), "last row and column repeated", ORANGE)
    for x, words in ((92, "Encode"), (481, "Decode")):
        sheet.text((x, 205), words, GREY)
    return sheet.image


def picture_tiles() -> Image.Image:
    """A picture, its tiles with what they share, and the picture again."""
    sheet = Sheet(230)
    grid = tile_grid((1024, 768), (512, 512), 64)
    sheet.box((14, 55, 142, 151), "1024x768", BLUE, fill=True)
    sheet.arrow((150, 103), (178, 103))
    colours = (BLUE, ORANGE, GREEN)
    for index, (x0, y0, x1, y1) in enumerate(grid.boxes):
        column, row = index % len(grid.columns), index // len(grid.columns)
        x, y = 186 + 14 * column, 41 + 14 * row
        sheet.box((x + x0 / 8, y + y0 / 8, x + x1 / 8, y + y1 / 8), colour=colours[(column + row) % 3])
    sheet.arrow((352, 103), (380, 103))
    sheet.box((390, 55, 518, 151), "1024x768", BLUE, fill=True)
    for x, words in ((78, "Split"), (266, f"{grid.count} tiles of 512x512"), (454, "Combine")):
        sheet.text((x, 200), words, GREY)
    return sheet.image


def tile_plan() -> Image.Image:
    """What Tile Plan shows of a sky over a hill: its tiles, two left as they are, two with their own words."""
    sheet, size = Sheet(300), (512, 256)
    across, down = torch.linspace(-1, 1, size[0]), torch.linspace(0, 1, size[1])[:, None]
    sky = torch.stack([0.45 + 0.3 * down, 0.65 + 0.2 * down, 0.9 + 0 * down], dim=-1).expand(-1, size[0], -1)
    hill = (down > 0.95 - 0.45 * (1 - across**2))[..., None]
    picture = torch.where(hill, torch.tensor([0.35, 0.5, 0.25]), sky)[None]
    windows, cell = side_by_side(size, 128)
    places = places_of(windows, cell, size, 0)
    rules = read_plan("tiles 1, 4 | skip\ntiles 2-3 | prompt: blue sky\ntile 6 | add: a castle", places)
    drawn = draw_plan(picture, TilePlan(size, rules, None, 16), places.tiles or ())
    sheet.image.paste(Image.fromarray((drawn[0] * 255).to(torch.uint8).numpy()), ((WIDTH - size[0]) // 2, 22))
    return sheet.image


def faces() -> Image.Image:
    """Found, turned upright, restored, laid back."""
    sheet = Sheet(230)
    _face(sheet, (95, 95), 45, -25, GREY, GREEN)
    sheet.arrow((170, 95), (205, 95))
    _face(sheet, (280, 95), 60, 0, INK, GREEN)
    sheet.arrow((352, 95), (387, 95))
    _face(sheet, (465, 95), 45, -25, INK, None)
    for x, words in ((95, "find"), (280, "restore"), (465, "lay back")):
        sheet.text((x, 200), words, GREY)
    return sheet.image


def seam_lines() -> Image.Image:
    """Grain with a step where tiles meet, and the mean step across every column's line: the tiles' stand out."""
    sheet = Sheet(330)
    size, tile, left = 160, 40, 200
    grain = 10 * torch.randn(1, size, size, 1, generator=torch.Generator().manual_seed(1))
    places = torch.arange(size) // tile
    change = grain + 12.0 * ((places[:, None] + places) % 2)[None, ..., None]
    levels = (change[0, ..., 0] * 3 + 110).clamp(0, 255).to(torch.uint8).numpy()
    sheet.image.paste(Image.fromarray(levels).convert("RGB"), (20, 85))
    sheet.text((100, 50), "the change", GREY)
    sheet.text((370, 50), "mean step from column to column", GREY)
    steps = line_steps(change, 2)[0]
    height = 150 / float(steps[steps.isfinite()].max())
    for line in range(1, size):
        x = left + 340 * line / size
        is_seam = line % tile == 0
        sheet.line([(x, 245), (x, 245 - height * float(steps[line]))], ORANGE if is_seam else BLUE, 4 if is_seam else 1)
    sheet.line([(left, 245), (left + 340, 245)], GREY, 2)
    sheet.text((370, 290), "where tiles meet", ORANGE)
    return sheet.image


def _face(sheet: Sheet, at: Point, size: float, turned: float, colour: tuple[int, int, int], frame: object) -> None:
    angle = np.deg2rad(turned)

    def turn(x: float, y: float) -> Point:
        return at[0] + size * (x * np.cos(angle) - y * np.sin(angle)), at[1] + size * (
            x * np.sin(angle) + y * np.cos(angle)
        )

    round_the_clock = np.linspace(0, 2 * np.pi, 60)
    sheet.polygon([turn(0.8 * np.cos(a), np.sin(a)) for a in round_the_clock], colour)
    for side in (-0.3, 0.3):
        x, y = turn(side, -0.2)
        sheet.ellipse((x - 7, y - 7, x + 7, y + 7), colour)
    sheet.line([turn(x, 0.35 + 0.2 * (1 - (x / 0.35) ** 2)) for x in np.linspace(-0.35, 0.35, 15)], colour)
    if frame:
        sheet.polygon([turn(x, y) for x, y in ((-1.15, -1.15), (1.15, -1.15), (1.15, 1.15), (-1.15, 1.15))], GREEN)


def sixteen_bit() -> Image.Image:
    """A dark gradient, brightened eight times after rounding to 8 and to 16 bits."""
    gradient = np.linspace(0.02, 0.1, WIDTH - 40)
    sheet = Sheet(250)
    for y, levels, title in ((20, 255, "8 bits"), (125, 65535, "16 bits")):
        row = np.round(gradient * levels) / levels * 9
        strip = np.repeat((row * 255).astype(np.uint8)[None], 64, axis=0)
        sheet.image.paste(Image.fromarray(strip).convert("RGB"), (20, y))
        sheet.text((20, y + 82), title, GREY, to="lm")
    return sheet.image


def schedules() -> Image.Image:
    """Karras with three settings."""
    sheet = Sheet(320)
    sheet.line([(50, 20), (50, 270), (540, 270)], GREY)
    sheet.text((24, 20), "14.6", GREY, 18)
    sheet.text((295, 296), "step", GREY, 18)
    curves = (("rho 7 (default)", 0.03, 7.0, BLUE), ("rho 3", 0.03, 3.0, ORANGE), ("sigma_min 1", 1.0, 7.0, GREEN))
    for index, (title, smallest, rho, colour) in enumerate(curves):
        sigmas = [*karras(20, smallest, 14.6, rho).tolist(), 0.0]
        sheet.line([(50 + 490 * step / 20, 270 - 250 * sigma / 14.6) for step, sigma in enumerate(sigmas)], colour)
        sheet.text((535, 40 + 32 * index), title, colour, to="rm")
    return sheet.image


def refiner() -> Image.Image:
    """Who works when, in a first pass and in a second one of strength 0.5."""
    sheet = Sheet(230)
    at = 150 + 390 * 0.8
    for y, title, start in ((30, "first pass", 0.0), (120, "strength 0.5", 0.5)):
        sheet.text((140, y + 30), title, to="rm", size=20)
        begin = 150 + 390 * start
        sheet.area((begin, y, at, y + 60), BLUE)
        sheet.area((at, y, 540, y + 60), ORANGE)
        sheet.text(((begin + at) / 2, y + 30), "model", PAPER)
        sheet.text(((at + 540) / 2, y + 30), "refiner", PAPER, 18)
    sheet.text((150, 205), "noise", GREY, to="lm")
    sheet.text((at, 14), "0.8", GREY, 18)
    sheet.text((540, 205), "picture", GREY, to="rm")
    return sheet.image


def infotext() -> Image.Image:
    """The three parts of A1111's text."""
    sheet = Sheet(230)
    for y, height, words, colour in (
        (15, 45, "a cat on a wall", BLUE),
        (70, 45, "Negative prompt: blurry", ORANGE),
        (125, 90, "Steps: 20, Sampler: DPM++ 2M, Seed: 1,\nHires upscale: 2, Hires upscaler: Latent, …", GREEN),
    ):
        sheet.area((15, y, 22, y + height), colour)
        sheet.text((36, y + height / 2), words, to="lm", size=23)
    return sheet.image
