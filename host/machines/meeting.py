"""The workers of a job, once they have what it needs; what they did in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ...hires.errors import InputError
from ...hires.plan.upscale import UpscaleRequest
from ...hires.plan.warnings import counted
from ...hires.remaining_time import in_words
from ...machines.handing_out import HandingOut, Tally
from ...machines.jobs import CannotTravelError, ModelFile, Plain, upscaler_to_plain
from ...machines.pool import Pool, PoolError
from ...machines.windows import WindowHelpers
from ...upscale_models import ClassicalUpscaler, PlacedUpscaler, Upscaler
from ..ending import check_stage
from ..infotext.model_hashes import file_hash
from ..plugins.upscalers import PackUpscaler
from ..progress import show_text
from ..upscaling.upscalers import upscaler_path
from .crews import ALONE, crew, is_of_this_machine, own_comfyui

logger = logging.getLogger("hires-fix")

INPUT = "workers"

MakeFragment = Callable[[bool], Plain]
"""Makes the fragment of a workflow, see `redraw.fragment`; with the SHA-256 of its files, or without."""


class Meeting:
    """The workers of a pool, each of which has the models."""

    def __init__(
        self, pool: Pool, upscalers: Sequence[Upscaler], check: Callable[[], None], fragment: Plain | None = None
    ) -> None:
        """Look at the workers, and send what they need.

        Args:
            check: see `HandingOut`.
            fragment: of the workflow that makes those of the upscalers that only a workflow does.

        Raises:
            InputError: no worker can do this, or an upscaler cannot be sent.
        """
        self.pool, models = pool, dict[str, tuple[ModelFile, Path]]()

        def file_of(name: str) -> ModelFile | None:
            where = upscaler_path(name)
            if where is None:
                return None
            path = Path(where)
            models[name] = ModelFile(path.name, file_hash(path), path.stat().st_size), path
            return models[name][0]

        try:
            made = made_by_workflow(upscalers)
            plain = {one.name: upscaler_to_plain(one, file_of) for one in upscalers if one not in made}
            self.upscalers = None if made else [plain[one.name] for one in upscalers]
            """Them as data; None where they work in a ComfyUI alone, window by window."""

            found = list(models.values())
            self._remarks = pool.meet([file for file, _ in found], [path for _, path in found])
            if fragment is not None:
                self._remarks += prepared(pool, fragment, check)
            show_text(f"{counted(pool.slots(), 'worker')} of '{pool.name}'")
        except CannotTravelError as error:
            raise InputError(f"{error}, so other workers cannot have it. Set workers to '{ALONE}'.", INPUT) from error
        except PoolError as error:
            raise InputError(str(error), INPUT) from error
        files = {name: data for name, data in plain.items() if name in models}
        self.helpers = WindowHelpers(pool, files, check, made, fragment)

    def text(self, pictures: HandingOut | None = None) -> list[str]:
        """What each worker did, and what went otherwise than planned. `pictures`: those that were handed out whole."""
        return told(pictures, self.helpers.handing, self._remarks)


def made_by_workflow(upscalers: Sequence[Upscaler]) -> list[PlacedUpscaler]:
    """Those that workers have by the workflow that makes them; of other packs' upscalers nothing is known."""
    return [one for one in upscalers if isinstance(one, PlacedUpscaler) and not isinstance(one, PackUpscaler)]


def crew_of(workers: str, upscalers: Sequence[Upscaler]) -> AbstractContextManager[Pool | None]:
    """The `crew` for a job with these."""
    return crew(workers, comfyui=own_comfyui() if made_by_workflow(upscalers) else ())


def fragment_for(workers: str, make: MakeFragment, upscalers: Sequence[Upscaler]) -> Plain | None:
    """What those of that name run for the upscalers; None where that is nothing. Raises InputError, see `fragment`."""
    return fragment(workers, make) if made_by_workflow(upscalers) else None


def fragment(workers: str, make: MakeFragment) -> Plain:
    """The fragment of a workflow for those of that name.

    Raises:
        InputError: it cannot be handed out.
    """
    try:
        return make(not is_of_this_machine(workers))
    except CannotTravelError as error:
        raise InputError(f"{error}, so workers cannot run this workflow. Set workers to '{ALONE}'.", INPUT) from error


def prepared(pool: Pool, fragment: Plain, check: Callable[[], None]) -> list[str]:
    """Let workers load what a workflow needs. See `Pool.prepare`."""
    show_text(f"the workers of '{pool.name}' load what the workflow needs")
    return pool.prepare("redraw_ready", fragment, check=check)


def told(pictures: HandingOut | None, windows: HandingOut, remarks: Sequence[str]) -> list[str]:
    """What each worker did, and what went otherwise than planned, with these remarks first."""
    whole: Mapping[str, Tally] = pictures.tallies if pictures else {}
    parts = windows.tallies
    done = [_done(who, whole.get(who, Tally()), parts.get(who, Tally())) for who in sorted({*whole, *parts})]
    return [*done, *dict.fromkeys([*remarks, *(pictures.remarks if pictures else []), *windows.remarks])]


def _done(who: str, pictures: Tally, windows: Tally) -> str:
    counts = ((pictures.count, "picture"), (windows.count, "window"))
    what = " and ".join(counted(count, name) for count, name in counts if count)
    return f"{who}: {what} in {in_words(pictures.seconds + windows.seconds)}"


@contextmanager
def helpers_for(workers: str, request: UpscaleRequest[Upscaler], make: MakeFragment) -> Iterator[WindowHelpers | None]:
    """Those of that name for the windows of pictures in memory; None for this device alone, which filters need no
    others for. `make`: the fragment of the upscalers.

    Raises:
        InputError: see `crew` and `Meeting`; or they cannot do this.
    """
    if workers == ALONE or all(isinstance(one, ClassicalUpscaler) for one in request.upscalers):
        yield None
        return
    if request.numbers == "A1111":
        raise InputError(
            f"pictures with A1111's numbers are made by this device. Set workers to '{ALONE}', or numbers to exact.",
            INPUT,
        )
    upscalers = request.upscalers
    with crew_of(workers, upscalers) as pool:
        meeting = Meeting(pool, upscalers, check_stage, fragment_for(workers, make, upscalers)) if pool else None
        yield meeting.helpers if meeting else None
        if meeting:
            logger.info("Workers of '%s': %s", workers, "; ".join(meeting.text()) or "nothing was for them")
