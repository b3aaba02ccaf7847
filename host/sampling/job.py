"""What goes to a sampler, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ...hires.sampling.menus import SAMPLERS, Sampler
from ...hires.sampling.same import SAME_SAMPLER, PassValues, no_cfg, no_first_pass
from ...hires.sampling.settings import A1111Settings
from ...hires.sizes.regions import Cond
from ..latents.latents import Latent, first_values, values_to_go_on_with
from .guidance import Guidance, Refiner, guidance_of
from .sigmas import PassSigmas


@dataclass(frozen=True)
class SamplingJob:
    """What a node asks of a pass."""

    guidance: Guidance
    noise: Any
    """A NOISE object, the pack's or another's."""

    sampler_name: str
    """A1111's or the host's."""

    settings: A1111Settings

    @property
    def sampler(self) -> Sampler | None:
        """Its line of A1111's menu; None for one of the host's."""
        return SAMPLERS.get(self.sampler_name)


@dataclass(frozen=True)
class Pass:
    """A job with what it starts from."""

    job: SamplingJob
    latent: Latent
    """Without noise, in the form in which the model samples."""

    noise: torch.Tensor
    """Drawn for it, in the same shape, of variance 1; zeros where the latent holds its noise already."""

    sigmas: PassSigmas
    is_first: bool
    is_img2img: bool = False
    """Re-noised by img2img's rule: a noise mask then works as in A1111's img2img."""


def job_of(
    model: Any,
    positive: Cond,
    negative: Cond,
    noise: Any,
    cfg: float,
    sampler_name: str,
    settings: A1111Settings | None = None,
    refiner: Refiner | None = None,
    guider: Any = None,
) -> SamplingJob:
    """What the inputs that both sampling nodes have stand for. Raises SamplingError, see `guidance_of`."""
    guidance = guidance_of(model, positive, negative, cfg, refiner, guider)
    return SamplingJob(guidance, noise, sampler_name, settings or A1111Settings())


def second_job_of(
    latent: Latent,
    sigmas: torch.Tensor,
    *,
    cfg: float,
    sampler_name: str,
    settings: A1111Settings | None = None,
    guider: Any = None,
    **others: Any,
) -> SamplingJob:
    """The same for a pass that may leave cfg, sampler and settings to those before it. `others`: see `job_of`.

    Raises:
        InputError: a value is to be the same as before, and that is not known; see also `job_of`.
    """
    values, first = values_to_go_on_with(latent, sigmas), first_values(latent)
    first = first or (values.first if values else None)
    if sampler_name == SAME_SAMPLER:
        before = values or first
        if before is None:
            raise no_first_pass("sampler_name", sampler_name)
        sampler_name, settings = before.sampler_name, settings or before.settings
    if cfg < 0 and guider is None:
        cfg = _first_cfg(first, cfg)
    return job_of(cfg=cfg, sampler_name=sampler_name, settings=settings, guider=guider, **others)


def _first_cfg(first: PassValues | None, cfg: float) -> float:
    if first is None:
        raise no_first_pass("cfg", cfg)
    if first.cfg is None:
        raise no_cfg()
    return first.cfg
