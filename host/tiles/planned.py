"""A MODEL that redraws the parts of a picture as strongly as a plan says, and does not run where nothing is drawn.

A part with half of the pass's strength takes part in the last half of its steps. Before, and where a part is skipped
through all of them, its noise mask is 0: the host then keeps the picture, and shows the model that picture with noise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import comfy.model_base
import torch
from comfy.patcher_extension import WrappersMP, get_wrappers_with_key

from ...hires.tile_plan.plan import TilePlan
from ..progress import show_text
from .errors import TilePlanError

log = logging.getLogger("hires-fix")

KEY = "hires_fix_tile_plan"
"""Of the wrappers, and of what a sampling's `Activity` is found by among the options of its transformer."""

TILED_KEY = "hires_fix_tiles"
"""The same of a MODEL that is tiled: it leaves out what this would, window by window."""

_BEFORE = 0.05
"""Share of a step by which a sampler may ask above the sigma that the step begins with."""


class Activity:
    """Which places are drawn at this moment of a sampling."""

    def __init__(self, latent: torch.Tensor) -> None:
        self.latent = latent
        """`(B, C, [T,] H, W)`: the picture, which is kept where nothing is drawn."""

        self.windows = self.skipped = 0
        """Of all calls so far."""

        self._drawn: torch.Tensor | None = None

    def set(self, mask: torch.Tensor) -> None:
        """Take over a noise mask of the host, of `(…, H, W)`."""
        self._drawn = (mask > 0).reshape(-1, *mask.shape[-2:]).any(dim=0).cpu()  # once a call, for all windows

    def drawn(self, latent: torch.Tensor) -> torch.Tensor:
        """Where anything is drawn of the latent of a call: `(H, W)`, bool; everywhere if it is a part of the whole.

        Raises:
            TilePlanError: the sampler has not asked for the noise mask.
        """
        if self._drawn is None:
            raise TilePlanError(
                "this sampler goes without the noise mask by which parts are kept. Take another sampler, or strengths "
                "and skips out of the plan."
            )
        if latent.shape != self.latent.shape:
            return torch.ones(latent.shape[-2:], dtype=torch.bool)
        return self._drawn

    def kept(self, drawn: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        """Lay the picture over a prediction where nothing is drawn, so that every prompt and guidance agrees on it."""
        return prediction if bool(drawn.all()) else torch.where(drawn.to(prediction.device), prediction, self.latent)

    def count(self, windows: int, run: int) -> None:
        """Note a call in which so many of the windows were run."""
        self.windows += windows
        self.skipped += windows - run

    @property
    def text(self) -> str | None:
        """What was saved."""
        if not self.skipped:
            return None
        share = round(100 * self.skipped / self.windows)
        return f"tile plan: {self.skipped} of {self.windows} runs of tiles left out, {share} % less work"


def activity_of(model_options: dict[str, Any]) -> Activity | None:
    """Return what a planned MODEL's sampling has put among the options of a call; None for any other."""
    return model_options.get("transformer_options", {}).get(KEY)


def planned_model(model: Any, plan: TilePlan) -> Any:
    """Clone a MODEL so that it redraws as planned. A MODEL with a plan gets this one in its place.

    Words are no part of it: they are in the conditioning, see `plan_prompts`.
    """
    planned = model.clone()
    for kind in (WrappersMP.SAMPLER_SAMPLE, WrappersMP.CALC_COND_BATCH):
        planned.remove_wrappers_with_key(kind, KEY)
    if plan.changes_strength:
        planned.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, KEY, _SamplerSample(plan))
        planned.add_wrapper_with_key(WrappersMP.CALC_COND_BATCH, KEY, _calc_cond_batch)
    return planned


class _SamplerSample:
    """Lays the plan over the noise mask of a sampling."""

    def __init__(self, plan: TilePlan) -> None:
        self._plan = plan

    def __call__(
        self,
        executor: Callable[..., torch.Tensor],
        guider: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: torch.Tensor,
        latent: torch.Tensor | None,
        mask: torch.Tensor | None,
        *others: Any,
    ) -> torch.Tensor:
        assert latent is not None  # the host's guiders always have one
        _check(guider.inner_model, noise, latent)
        shares = self._plan.strength(latent.shape[-1], latent.shape[-2]).to(latent.device)
        steps = _steps(shares, len(sigmas) - 1)
        if mask is None:
            mask = torch.ones_like(latent[:1, :1])
        options = extra_args["model_options"]
        activity = Activity(latent)
        options.setdefault("transformer_options", {})[KEY] = activity
        options["denoise_mask_function"] = _Mask(steps, sigmas, activity, options.get("denoise_mask_function"))
        result = executor(guider, sigmas, extra_args, callback, noise, latent, mask * (steps > 0).to(mask), *others)
        if activity.text:
            log.info(activity.text)
            show_text(activity.text)
        smallest = float(guider.inner_model.model_sampling.sigma_min)
        # some samplers end with more than the last picture, in which the host has kept these parts
        return torch.where(steps > 0, result, latent.to(result)) if float(sigmas[-1]) <= smallest else result


class _Mask:
    """The host's function for the noise mask at a sigma."""

    def __init__(self, steps: torch.Tensor, sigmas: torch.Tensor, activity: Activity, before: Any) -> None:
        self._steps, self._activity, self._before = steps, activity, before
        # of each step from the last on: below which sigma it has begun
        levels = [float(sigma) for sigma in sigmas[:-1]]
        self._begin = [low + _BEFORE * (high - low) for high, low in pairwise(levels)]

    def __call__(self, sigma: torch.Tensor, mask: torch.Tensor, **more: Any) -> torch.Tensor:
        if self._before is not None:
            mask = self._before(sigma, mask, **more)
        highest = float(sigma.max())
        begun = 1 + sum(highest <= begin for begin in self._begin)
        left = len(self._begin) + 1 - begun + 1
        result = mask * (self._steps >= left).to(mask)
        self._activity.set(result)
        return result


def _steps(shares: torch.Tensor, steps: int) -> torch.Tensor:
    """So many of the last steps draw a place: at least one where it is drawn at all."""
    wanted = (shares * steps).round().clamp_min(1)
    return torch.where(is_drawn(shares), wanted, torch.zeros_like(wanted)).long()


def has_plan(model: Any) -> bool:
    """Whether a MODEL comes from `planned_model`, and keeps parts of the picture."""
    return bool(model.get_wrappers(WrappersMP.SAMPLER_SAMPLE, KEY))


def why_not(model: Any) -> str | None:
    """Say why the host's BaseModel cannot keep parts of a picture; None if it can."""
    if type(model).scale_latent_inpaint is comfy.model_base.BaseModel.scale_latent_inpaint:
        return None
    return (
        f"a model of the kind {type(model).__name__} sees the parts that are kept without noise, and cannot start "
        "on them later. Take strengths and skips out of the plan, or another model."
    )


def is_drawn(shares: torch.Tensor) -> torch.Tensor:
    """Where a share of the pass's strength, see `TilePlan.strength`, draws anything."""
    return shares > 1e-4


def _check(model: Any, noise: torch.Tensor, latent: torch.Tensor) -> None:
    """Refuse (TilePlanError) what has no picture to keep."""
    if latent.ndim not in (4, 5):
        raise TilePlanError(
            f"the latent has {latent.ndim} dimensions, {tuple(latent.shape)}. Plans are for pictures and clips."
        )
    refused = why_not(model)
    if refused:
        raise TilePlanError(refused)
    if not bool(latent.any()):
        raise TilePlanError("the latent is empty, so there is no picture to keep. Plans are for redrawing pictures.")
    if not bool(noise.any()):
        raise TilePlanError(
            "the latent brings its noise along, from another sampler or node, so the picture in it is not known, and "
            "no part can be kept. Let the sampler add the noise, or connect Re-noise and Second Sampling."
        )


def _calc_cond_batch(
    executor: Callable[..., list[torch.Tensor]],
    model: Any,
    prompts: list[Any],
    latent: torch.Tensor,
    timestep: torch.Tensor,
    model_options: dict[str, Any],
) -> list[torch.Tensor]:
    """Leave a call out by which nothing is drawn, and keep the picture where another draws nothing."""
    activity = activity_of(model_options)
    if activity is None or get_wrappers_with_key(WrappersMP.CALC_COND_BATCH, TILED_KEY, model_options, True):
        return executor(model, prompts, latent, timestep, model_options)
    drawn = activity.drawn(latent)
    runs = bool(drawn.any())
    activity.count(1, int(runs))
    found = (
        executor(model, prompts, latent, timestep, model_options) if runs else [torch.zeros_like(latent)] * len(prompts)
    )
    return [activity.kept(drawn, one) for one in found]
