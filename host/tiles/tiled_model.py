"""A MODEL whose every call sees the latent in windows, whichever sampler and guider makes the call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import comfy.model_management
import torch
from comfy.patcher_extension import WrappersMP

from ...hires.pace import Pace
from ...hires.tiles.levels import Levels
from ...hires.tiles.windows import Window, Windows
from ..latents.codec import cell_of_model
from ..memory import is_out_of_memory
from ..progress import show_text
from . import conds
from .canvas import Canvas, TileRequest, cut, windows_for, with_smaller_windows
from .conds import Cond
from .errors import TiledModelError
from .patches import holds_picture
from .planned import TILED_KEY as KEY
from .planned import activity_of
from .refused import check
from .sampling import Room, Sampling

log = logging.getLogger("hires-fix")

MOST_AT_ONCE = 8
"""Windows in one call where memory decides: more keep a GPU no busier, and a cancel waits for a call."""

_PACE = 1.0
"""Seconds between two texts on the node: a call that takes less shows none."""


def tiled_model(model: Any, request: TileRequest) -> Any:
    """Clone a MODEL so that it denoises in windows. A MODEL that is tiled already is tiled anew."""
    tiled = model.clone()
    for kind, wrapper in (
        (WrappersMP.OUTER_SAMPLE, _OuterSample(request)),
        (WrappersMP.PREPARE_SAMPLING, _PrepareSampling(request)),
        (WrappersMP.CALC_COND_BATCH, _CalcCondBatch(request)),
    ):
        tiled.remove_wrappers_with_key(kind, KEY)
        tiled.add_wrapper_with_key(kind, KEY, wrapper)
    return tiled


def request_of(model: Any) -> TileRequest | None:
    """Return what a MODEL of `tiled_model` was made with; None for any other."""
    return next((wrapper.request for wrapper in model.get_wrappers(WrappersMP.CALC_COND_BATCH, KEY)), None)


def last_request_of(model: Any) -> TileRequest | None:
    """Return what the last sampling of such a MODEL ended with: smaller tiles where memory had run out."""
    return next((wrapper.room.request for wrapper in model.get_wrappers(WrappersMP.OUTER_SAMPLE, KEY)), None)


class _OuterSample:
    """Gives a sampling a state of its own, which lives as long as it does: nothing is shared with any other."""

    def __init__(self, request: TileRequest) -> None:
        self._request = request
        self.room = Room(request)
        """Of the last sampling."""

    def __call__(self, executor: Any, *args: Any, **kwargs: Any) -> Any:
        options = executor.class_obj.model_options.setdefault("transformer_options", {})
        check(executor.class_obj.model_options)
        self.room = Room(self._request)
        options[KEY] = Sampling(self.room)
        try:
            result = executor(*args, **kwargs)
        finally:
            options.pop(KEY, None)
        bad = result.numel() - int(torch.isfinite(result).sum())
        if bad:
            raise TiledModelError(
                f"{bad} of {result.numel()} numbers of the result are NaN or infinite: those of the latent or the "
                "prompt were, or the model overflowed. Look at the node that made the latent, or take a model in more "
                "precision."
            )
        return result


class _PrepareSampling:
    """Asks the host for the memory of a window, not of the whole canvas."""

    def __init__(self, request: TileRequest) -> None:
        self._request = request

    def __call__(self, executor: Any, model: Any, noise_shape: Any, *args: Any, **kwargs: Any) -> Any:
        shape = list(noise_shape)
        windows = windows_for(model.model, shape, self._request)
        at_once = min(max(1, self._request.at_once), windows.count)
        window = [shape[0] * at_once, *shape[1:-2], windows.rows[0].length, windows.columns[0].length]
        return executor(model, window, *args, **kwargs)


class _CalcCondBatch:
    """Runs the model on the windows of a latent, and puts together what it predicts."""

    def __init__(self, request: TileRequest) -> None:
        self.request = request

    def __call__(
        self,
        executor: Callable[..., list[torch.Tensor]],
        model: Any,
        prompts: list[list[Cond] | None],
        latent: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any],
    ) -> list[torch.Tensor]:
        state = model_options.get("transformer_options", {}).get(KEY)
        is_told = state is not None
        if state is None:
            # a guider that has not told of its sampling, such as that of a refiner
            state = Sampling(Room(self.request))
        elif model_options.get("context_handler") is not None:
            # parts of a clip, which differ from call to call
            state = Sampling(state.room)
        activity = activity_of(model_options)
        drawn = activity.drawn(latent) if activity else torch.ones(latent.shape[-2:], dtype=torch.bool)

        def kept(results: list[torch.Tensor]) -> list[torch.Tensor]:
            return [activity.kept(drawn, one) for one in results] if activity else results

        while True:
            windows = windows_for(model, latent.shape, state.room.request)
            try:
                run = [window for window in windows.all if bool(cut(drawn, window.owned).any())]
                if activity:
                    activity.count(windows.count, len(run))
                if not run:
                    return kept([torch.zeros_like(latent) for _ in prompts])
                if windows.count == 1:
                    return kept(executor(model, prompts, latent, timestep, model_options))
                if not is_told:
                    check(model_options)
                call = _Call(executor, model, prompts, Canvas(latent), timestep, model_options, state)
                return kept(call.run(windows, run))
            except Exception as error:
                asked, fails = state.room.request, is_out_of_memory(error)
                smaller = with_smaller_windows(model, windows, asked) if fails and not asked.is_fixed else None
                if smaller is None:
                    raise
            # outside the except block, where the failed call's tensors are still alive
            state.go_on_with(smaller)
            comfy.model_management.soft_empty_cache()
            log.warning(
                "Out of memory: Tiled Model repeats this step and goes on with tiles of up to %d pixels; it had %s.",
                smaller.size,
                _size(model, windows),
            )


def _size(model: Any, windows: Windows) -> str:
    """Of a window, in pixels."""
    cell = cell_of_model(model)
    return f"{windows.columns[0].length * cell}x{windows.rows[0].length * cell}"


class _Call:
    """One call of the model on the whole canvas."""

    def __init__(
        self,
        executor: Callable[..., list[torch.Tensor]],
        model: Any,
        prompts: list[list[Cond] | None],
        canvas: Canvas,
        timestep: torch.Tensor,
        model_options: dict[str, Any],
        state: Sampling,
    ) -> None:
        self._executor, self._model, self._prompts, self._canvas = executor, model, prompts, canvas
        self._timestep, self._options, self._state = timestep, model_options, state
        self._patches = model_options.get("transformer_options", {}).get("patches", {})

    def run(self, windows: Windows, run: Sequence[Window]) -> list[torch.Tensor]:
        """Return what the whole model would: the prediction of every prompt, shaped like the latent.

        `run`: the windows that are to be run; what none of them owns is not predicted.
        """
        room = self._state.room
        room.at_once = room.at_once or self._by_memory(windows)
        latent, levels = self._canvas.latent, Levels()
        results = latent.new_zeros(len(self._prompts), *latent.shape)
        left, pace = list(run), Pace(_PACE)
        pace.due()
        while left:
            group = self._next(left)
            predicted = self._try(group)
            if predicted is None:
                room.at_once = len(group) // 2
                log.warning(
                    "Out of memory: Tiled Model goes on with %d tiles at once; it had %d.", room.at_once, len(group)
                )
                comfy.model_management.soft_empty_cache()
                continue
            del left[: len(group)]
            for window, part in zip(group, torch.stack(predicted).split(self._canvas.batch, dim=1), strict=True):
                weights = self._state.weights(window, part)
                weighted = part * weights
                cut(results, window.box).add_(weighted)
                levels.add(window, weights, weighted)
            if pace.due():
                show_text(f"tile {len(run) - len(left)} of {len(run)}")
        totals = None if len(run) == windows.count else self._totals(run)
        if totals is not None:
            results.div_(totals.to(results))
        levels.even_out(results, totals)
        return list(results)

    def _totals(self, run: Sequence[Window]) -> torch.Tensor:
        """Sum of the weights of the windows that are run, `(H, W)`: they get that of those beside them that are not."""
        totals = torch.zeros(self._canvas.latent.shape[-2:])
        for window in run:
            cut(totals, window.box).add_(window.weights)
        # what a window owns, it has a quarter of the weight of or more; all else is not drawn
        return torch.where((totals - 1).abs() < 1e-5, torch.ones_like(totals), totals.clamp_min(1e-6))

    def _next(self, left: list[Window]) -> list[Window]:
        """The windows of the next call: of one size, and one alone where something in the prompts asks for it."""
        first = left[0].box
        if not self._may_share:
            return left[:1]
        group = []
        for window in left[: self._state.room.at_once]:
            if (window.box.width, window.box.height) != (first.width, first.height):
                break
            group.append(window)
        return group

    @property
    def _may_share(self) -> bool:
        every = (cond for prompt in self._prompts for cond in prompt or [])
        return not holds_picture(self._patches) and all(map(conds.can_share_a_call, every))

    def _try(self, group: Sequence[Window]) -> list[torch.Tensor] | None:
        """Return what the model predicts for every prompt; None if there is no memory for so many windows."""
        try:
            return self._predict(group)
        except Exception as error:
            if len(group) == 1 or not is_out_of_memory(error):
                raise
            return None

    def _predict(self, group: Sequence[Window]) -> list[torch.Tensor]:
        comfy.model_management.throw_exception_if_processing_interrupted()
        canvas = self._canvas
        latents = torch.cat([cut(canvas.latent, window.box) for window in group])
        prompts = [
            None
            if prompt is None
            else [crop.cond for cond in prompt if (crop := self._state.cond(cond, group, canvas, self._model)).acts]
            for prompt in self._prompts
        ]
        options = self._options
        if holds_picture(self._patches):
            patches = self._state.patches.cut(self._patches, group[0].box, canvas)
            options = {**options, "transformer_options": {**options["transformer_options"], "patches": patches}}
        timestep = self._timestep
        if len(timestep) == canvas.batch:
            timestep = timestep.repeat(len(group), *[1] * (timestep.ndim - 1))
        return self._executor(self._model, prompts, latents, timestep, options)

    def _by_memory(self, windows: Windows) -> int:
        """As many windows as the host has room for, evened out over the calls; one on a CPU, where more are slower."""
        latent, width = self._canvas.latent, windows.columns[0].length
        if comfy.model_management.is_device_cpu(latent.device):
            return 1
        free = self._model.current_patcher.get_free_memory(latent.device)
        one = [*latent.shape[1:-2], windows.rows[0].length, width]
        rows = latent.shape[0] * sum(prompt is not None for prompt in self._prompts)
        fits = [
            count
            for count in range(2, min(MOST_AT_ONCE, windows.count) + 1)
            if self._model.memory_required([count * rows, *one]) * 1.5 < free
        ]
        calls = -(-windows.count // max(fits, default=1))
        return -(-windows.count // calls)
