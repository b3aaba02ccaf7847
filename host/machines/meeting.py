"""The workers of a job, once they have what it needs; what they did in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...hires.errors import InputError
from ...hires.plan.upscale import UpscaleRequest
from ...hires.plan.warnings import counted
from ...hires.remaining_time import in_words
from ...machines.handing_out import HandingOut, Tally
from ...machines.jobs import CannotTravelError, ModelFile, upscaler_to_plain
from ...machines.pool import Pool, PoolError
from ...machines.windows import WindowHelpers
from ...upscale_models import ClassicalUpscaler, Upscaler
from ..ending import check_stage
from ..infotext.model_hashes import file_hash
from ..progress import show_text
from ..upscaling.upscalers import upscaler_path
from .crews import ALONE, crew

logger = logging.getLogger("hires-fix")

INPUT = "workers"


class Meeting:
    """The workers of a pool, each of which has the models."""

    def __init__(self, pool: Pool, upscalers: Sequence[Upscaler], check: Callable[[], None]) -> None:
        """Look at the workers, and send what they need. `check`: see `HandingOut`.

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
            self.upscalers = [upscaler_to_plain(one, file_of) for one in upscalers]
            """Them as data."""

            found = list(models.values())
            self._remarks = pool.meet([file for file, _ in found], [path for _, path in found])
            show_text(f"{counted(pool.slots(), 'worker')} of '{pool.name}'")
        except CannotTravelError as error:
            raise InputError(f"{error}, so other workers cannot have it. Set workers to '{ALONE}'.", INPUT) from error
        except PoolError as error:
            raise InputError(str(error), INPUT) from error
        plain = {one.name: data for one, data in zip(upscalers, self.upscalers, strict=True) if one.name in models}
        self.helpers = WindowHelpers(pool, plain, check)

    def text(self, pictures: HandingOut | None = None) -> list[str]:
        """What each worker did, and what went otherwise than planned. `pictures`: those that were handed out whole."""
        return told(pictures, self.helpers.handing, self._remarks)


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
def helpers_for(workers: str, request: UpscaleRequest[Upscaler]) -> Iterator[WindowHelpers | None]:
    """Those of that name for the windows of pictures in memory; None for this device alone, which filters need no
    others for.

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
    with crew(workers) as pool:
        meeting = Meeting(pool, request.upscalers, check_stage) if pool else None
        yield meeting.helpers if meeting else None
        if meeting:
            logger.info("Workers of '%s': %s", workers, "; ".join(meeting.text()) or "nothing was for them")
