"""Twice as large, in the opposite colours."""

from hires_fix_plugins import PlacedUpscaler


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
