"""The windows of a redraw handed to workers that have a ComfyUI."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import comfy.model_management
import folder_paths
import torch

from ...hires.errors import InputError
from ...hires.plan.warnings import counted
from ...hires.sizes.image_sizes import Size
from ...hires.tiles.boxes import Box
from ...machines.handing_out import HandingOut
from ...machines.jobs import CannotTravelError, Plain
from ...machines.pool import Pool, PoolError
from ...machines.windows import HandedWindow, handed
from ...pictures.folders.names import Task
from ..machines.crews import ALONE, crew, is_of_this_machine
from ..machines.meeting import INPUT, told
from ..progress import show_text
from .file_work import Redrawing
from .fragment import fragment_of
from .served import window_of

_check = comfy.model_management.throw_exception_if_processing_interrupted


class WindowCrew:
    """Draws the windows of pictures that are put together here: `Crew` and `Drawers`."""

    def __init__(self, pool: Pool, fragment: Plain) -> None:
        """Look at the workers, and let them load what the workflow needs.

        Raises:
            InputError: no worker can do this.
        """
        show_text(f"the workers of '{pool.name}' load what the workflow needs")
        try:
            self._remarks = [*pool.meet([], []), *pool.prepare("redraw_ready", fragment, check=_check)]
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
        window = window_of(self._fragment, box, size, pixels, tiles)
        return handed(self._handing, (window,), (box.height, box.width, channels), hear)


@contextmanager
def crew_for(workers: str, work: Redrawing, dynprompt: Any, node_id: str) -> Iterator[WindowCrew | None]:
    """Those of that name, ready for a job; None for this device alone.

    Raises:
        InputError: see `crew` and `WindowCrew`; or the workflow is not one that others can run.
    """
    with crew(workers, comfyui=_own()) as pool:
        hands = WindowCrew(pool, _fragment(workers, work, dynprompt, node_id)) if pool else None
        work.drawers = hands
        yield hands


def _fragment(workers: str, work: Redrawing, dynprompt: Any, node_id: str) -> Plain:
    try:
        return fragment_of(work.request, dynprompt, node_id, with_files=not is_of_this_machine(workers))
    except CannotTravelError as error:
        raise InputError(f"{error}, so workers cannot run this workflow. Set workers to '{ALONE}'.", INPUT) from error


def _own() -> list[str]:
    """The folder of this ComfyUI and the arguments that it was started with."""
    return [str(Path(folder_paths.__file__).absolute().parent), *sys.argv[1:]]
