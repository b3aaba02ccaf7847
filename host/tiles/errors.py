"""What is refused while another node samples: the sentence names the node that the MODEL comes from."""

from __future__ import annotations


class TiledModelError(ValueError):
    """A sampling that cannot be tiled. What users read: it comes up in the node that samples."""

    # the host puts the full name of the class before the text, and that of this module begins with a folder
    __module__ = "hires_fix"

    def __init__(self, message: str) -> None:
        super().__init__(f"Tiled Model: {message}")


class TilePlanError(ValueError):
    """A sampling that cannot keep to a plan; see `TiledModelError`."""

    __module__ = "hires_fix"

    def __init__(self, message: str) -> None:
        super().__init__(f"Tile Plan: {message}")
