"""Where the windows of a tiled MODEL meet in a picture, for those who look at its seams."""

from __future__ import annotations

from typing import Any

from ...hires.errors import InputError
from ...hires.seams.meetings import Meetings, meetings
from ...hires.tiles.windows import Span
from .canvas import windows_for
from .tiled_model import request_of


def model_meetings(model: Any, width: int, height: int) -> tuple[Meetings, Meetings]:
    """Find the columns and rows of a picture of this size, in pixels, on which the model's windows meet.

    Raises:
        InputError: a MODEL that is not tiled, or tiles that do not suit it.
    """
    request = request_of(model)
    if request is None:
        raise InputError(
            "this model sees pictures in one piece. Connect the output of Tiled Model that the sampler got, or leave "
            "the input free and set tile_size and overlap.",
            "model",
        )
    space = model.model.latent_format
    cell = space.spacial_downscale_ratio
    shape = [1, space.latent_channels, *[1] * (space.latent_dimensions - 2), -(-height // cell), -(-width // cell)]
    windows = windows_for(model.model, shape, request)
    return _meetings(width, cell, windows.columns), _meetings(height, cell, windows.rows)


def _meetings(size: int, cell: int, spans: tuple[Span, ...]) -> Meetings:
    return meetings(size, [(span.start * cell, min(size, span.stop * cell)) for span in spans])
