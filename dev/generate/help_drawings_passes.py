"""Drawn pictures of help pages, see `help_drawings`: when hooks are called, and how LDSR goes over a picture."""

from __future__ import annotations

from PIL import Image

from ...hires.sampling.ldsr import SCALE, LdsrSettings, timesteps, windows
from .help_sheet import BLUE, GREY, INK, ORANGE, Sheet


def before_second_pass() -> Image.Image:
    """Where the hook comes: between Re-noise's noise and the sampling of each later pass."""
    sheet = Sheet(250)
    for x, words, colour in ((12, "first pass", GREY), (150, "enlarge", GREY), (288, "noise", GREY)):
        sheet.box((x, 60, x + 108, 120), words, colour)
    sheet.box((440, 60, 548, 120), "second", BLUE, fill=True)
    for x in (120, 258):
        sheet.arrow((x, 90), (x + 28, 90))
    sheet.arrow((396, 90), (438, 90))
    sheet.box((318, 160, 518, 235), "steps, strength,\ncfg, model, noise", ORANGE)
    sheet.arrow((417, 160), (417, 96), ORANGE)
    sheet.text((417, 30), "before_hr", ORANGE)
    sheet.text((160, 198), "for this pass alone", GREY)
    return sheet.image


def before_every_sampling() -> Image.Image:
    """Where the hook comes: right before the sampling of every pass."""
    sheet = Sheet(250)
    for x, words in ((60, "first pass"), (225, "second"), (390, "stage 2")):
        sheet.box((x, 60, x + 110, 120), words, BLUE, fill=True)
        sheet.arrow((x - 20, 170), (x - 20, 94), ORANGE)
        sheet.text((x + 55, 38), {60: "512", 225: "1024", 390: "2048"}[x], GREY, 20)
        sheet.line([(x - 45, 90), (x, 90)], INK)
    sheet.line([(40, 170), (370, 170)], ORANGE)
    sheet.box((150, 190, 410, 240), "model, prompt, cfg", ORANGE)
    sheet.line([(280, 170), (280, 190)], ORANGE)
    return sheet.image


def ldsr_windows() -> Image.Image:
    """The windows of a picture of 256x192 that goes in, and the result."""
    sheet, size = Sheet(260), (256, 192)
    left, top, boxes, steps = 20, 30, list(windows(size)), len(timesteps(LdsrSettings.steps))
    sheet.box((left, top, left + size[0], top + size[1]), colour=GREY)
    for number, box in enumerate(boxes):
        inset = 3 * (number % 3)
        place = (left + box.x0 + inset, top + box.y0 + inset, left + box.x1 - inset, top + box.y1 - inset)
        sheet.box(place, colour=BLUE if number else ORANGE)
    sheet.text((left + 128, 242), f"{size[0]}x{size[1]} go in, {len(boxes)} windows", GREY, 17)
    sheet.arrow((290, 126), (350, 126))
    sheet.text((320, 104), "steps", ORANGE, 18)
    sheet.box((362, 54, 548, 194), f"{size[0] * SCALE}x{size[1] * SCALE}", BLUE, fill=True)
    sheet.text((455, 220), f"{steps} steps: {steps * len(boxes)} runs", GREY, 18)
    return sheet.image
