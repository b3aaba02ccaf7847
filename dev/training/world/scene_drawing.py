"""A scene as a picture of any size."""

from __future__ import annotations

from random import Random

from PIL import Image

from .scene_canvas import Canvas
from .scene_ground import draw_ground, draw_water
from .scene_model import Scene
from .scene_mountains import draw_range
from .scene_objects import draw_objects
from .scene_sky import draw_sky


def draw(scene: Scene, width: int, height: int) -> Image.Image:
    """The picture, RGB. Equal scenes give equal pictures, and the same landscape at every size."""
    canvas = Canvas(scene, width, height)
    for number, part in enumerate((draw_sky, draw_range, draw_water, draw_ground, draw_objects)):
        part(canvas, Random(scene.seed + number))
    return canvas.finished()
