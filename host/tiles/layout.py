"""Where the windows of a MODEL lie in a picture, and where they meet, for those who plan or look at its seams."""

from __future__ import annotations

from typing import Any

from ...hires.errors import InputError
from ...hires.seams.meetings import Meetings, meetings
from ...hires.tiles.windows import Span, Windows, plan_windows
from ..latents.codec import cell_of_model
from .canvas import TileRequest, windows_for
from .errors import TiledModelError
from .tiled_model import last_request_of, request_of


def model_meetings(model: Any, width: int, height: int) -> tuple[Meetings, Meetings]:
    """Find the columns and rows of a picture of this size, in pixels, on which the model's windows meet.

    They are those that its last sampling ended with, see `smaller_tiles`.

    Raises:
        InputError: a MODEL that is not tiled, or tiles that do not suit it.
    """
    if request_of(model) is None:
        raise InputError(
            "this model sees pictures in one piece. Connect the output of Tiled Model that the sampler got, or leave "
            "the input free and set tile_size and overlap.",
            "model",
        )
    windows, cell = _windows(model, width, height, last_request_of(model))
    return _meetings(width, cell, windows.columns), _meetings(height, cell, windows.rows)


def smaller_tiles(model: Any) -> int | None:
    """Pixels a side of the tiles that the last sampling of a MODEL went on with because memory had run out."""
    asked, last = request_of(model), last_request_of(model)
    return last.size if last and last != asked else None


def model_windows(model: Any, width: int, height: int) -> tuple[Windows, int]:
    """Return the windows of a MODEL on a picture of this size, in latent cells, and a cell's side in pixels.

    A MODEL that is not tiled has one window.

    Raises:
        InputError: tiles that do not suit the model, or a model whose latents are no pictures.
    """
    return _windows(model, width, height, request_of(model))


def _windows(model: Any, width: int, height: int, request: TileRequest | None) -> tuple[Windows, int]:
    space = model.model.latent_format
    cell = cell_of_model(model.model)
    shape = [1, space.latent_channels, *[1] * (space.latent_dimensions - 2), -(-height // cell), -(-width // cell)]
    if request is None:
        return plan_windows(shape[-1], shape[-2], max(shape[-2:]), 0), cell
    try:
        return windows_for(model.model, shape, request), cell
    except TiledModelError as error:
        raise InputError(str(error), "model") from error


def _meetings(size: int, cell: int, spans: tuple[Span, ...]) -> Meetings:
    return meetings(size, [(span.start * cell, min(size, span.stop * cell)) for span in spans])
