"""The windows of a redraw handed to workers that have a ComfyUI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import comfy.model_management
import torch

from ...hires.errors import InputError
from ...hires.plan.warnings import counted
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...machines.handing_out import HandingOut
from ...machines.jobs import Plain
from ...machines.pool import Pool, PoolError
from ...machines.windows import HandedWindow, handed, placed_window_of
from ...pictures.folders.names import Task
from ..machines.crews import crew, own_comfyui
from ..machines.meeting import INPUT, fragment, prepared, told
from ..progress import show_text
from .file_work import Redrawing
from .fragment import fragment_of

_check = comfy.model_management.throw_exception_if_processing_interrupted


class WindowCrew:
    """Draws the windows of pictures that are put together here: `Crew` and `Drawers`."""

    def __init__(self, pool: Pool, fragment: Plain) -> None:
        """Look at the workers, and let them load what the workflow needs.

        Raises:
            InputError: no worker can do this.
        """
        try:
            self._remarks = [*pool.meet([], []), *prepared(pool, fragment, _check)]
            show_text(f"{counted(pool.slots(), 'worker')} of '{pool.name}'")
        except PoolError as error:
            raise InputError(str(error), INPUT) from error
        self._fragment = fragment
        self._handing = HandingOut(pool, "redraw", _check)

    def results(self, tasks: Iterable[tuple[int, Task]]) -> Iterator[tuple[int, Task, Callable[[], Path] | None]]:
        """See `Crew`: all pictures are put together here."""
        return ((*task, None) for task in tasks)

    def text(self) -> list[str]:
        """See `Crew`."""
        return told(None, self._handing, self._remarks)

    def room(self) -> int:
        """See `Drawers`: one more than are drawn at once."""
        return self._handing.slots() + 1

    def give(
        self,
        box: Box,
        size: Size,
        pixels: torch.Tensor,
        channels: int,
        tiles: int,
        hear: Callable[[torch.Tensor], None],
    ) -> HandedWindow:
        """See `Drawers`."""
        window = {**placed_window_of(self._fragment, box, size, pixels), "tiles": tiles}
        return handed(self._handing, (window,), (box.height, box.width, channels), hear)


@contextmanager
def crew_for(workers: str, work: Redrawing, dynprompt: Any, node_id: str) -> Iterator[WindowCrew | None]:
    """Those of that name, ready for a job; None for this device alone.

    Raises:
        InputError: see `crew` and `WindowCrew`; or the workflow is not one that others can run.
    """
    make = partial(fragment_of, work.request, dynprompt, node_id)
    with crew(workers, comfyui=own_comfyui()) as pool:
        hands = WindowCrew(pool, fragment(workers, make)) if pool else None
        work.drawers = hands
        yield hands
