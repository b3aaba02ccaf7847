"""What can go wrong with an upscaler, as sentences for the person who chose it."""

from __future__ import annotations

from ...hires.errors import InputError


class UpscalerError(InputError):
    """An upscaler failed or cannot be used."""


class UnusableModelError(UpscalerError):
    """A file or object is not a model that enlarges single pictures."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"'{name}' cannot be used as an upscaler: {reason}. Use a model that spandrel knows and that turns one "
            "picture into one picture (ESRGAN, Compact, SPAN, SwinIR, DAT, HAT and the like), or download the file "
            "again if it should be one.",
            "upscaler",
        )


class UpscalerMemoryError(UpscalerError):
    """There is not enough memory, even with the smallest tiles."""
