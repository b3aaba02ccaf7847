"""Twice as large, in the opposite colours."""

from hires_fix_plugins import PlacedUpscaler

import nodes


class Negative(PlacedUpscaler):
    name = "Negative"
    scale = 2
    tile, overlap = 16, 4

    def __init__(self, todo):
        self.todo = todo

    @property
    def words(self):
        return {}

    def run(self, pixels, place, on_part):
        todo = self.todo.get("upscaler")
        if todo == "raise":
            raise KeyError("no such thing")
        on_part(1.0)
        large = 1 - pixels.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        return large[:, 1:] if todo == "shape" else large


def make(todo):
    """That, or what the tests ask for: a file by core's own loader, a text."""
    if "file" in todo:
        return nodes.NODE_CLASS_MAPPINGS["UpscaleModelLoader"].execute(todo["file"]).args[0]
    return todo["made"] if "made" in todo else Negative(todo)
