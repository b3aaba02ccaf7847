"""ComfyUI's LATENT dictionaries: checks, and the noised latent that travels from Re-noise to Second Sampling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import comfy.sample
import torch
import torch.nn.functional as F

from ...hires import memory
from ...hires.errors import InputError
from ...hires.sampling.same import FIRST_VALUES, PassValues, SecondPassValues
from ...hires.sizes.image_sizes import TargetSize
from ...hires.sizes.latent import crop_latent, upscale_latent
from ...hires.sizes.regions import enlarged
from ..ending import is_asked
from ..memory import check_memory

Latent = dict[str, Any]

_NOISED = "hires_fix_noised"
_MADE = "hires_fix_made"
"""Key of a LATENT that holds noise still: what Re-noise made the sigmas with, for the sampling that runs the rest."""


class LatentError(InputError):
    """A latent that cannot be used. The text says what was found and what to connect instead."""


def samples_of(latent: Latent) -> torch.Tensor:
    """Return the tensor of a LATENT, its form checked: `(B, C, h, w)` or, for video models, `(B, C, T, h, w)`.

    Raises:
        LatentError: no tensor, audio or mixed latents, wrong rank, an empty batch or side.
    """
    samples = latent.get("samples") if isinstance(latent, dict) else None
    if getattr(samples, "is_nested", False):
        raise LatentError("the latent holds video and audio together; split it and connect the video part.")
    if not isinstance(samples, torch.Tensor):
        raise LatentError(f"expected a LATENT with a 'samples' tensor, found {type(samples).__name__}.")
    shape = tuple(samples.shape)
    if samples.ndim not in (4, 5):
        raise LatentError(
            f"the latent has {samples.ndim} axes {shape}; pictures have 4 (batch, channels, height, width), "
            "clips have 5 (batch, channels, frames, height, width)."
        )
    if 0 in shape:
        raise LatentError(f"the latent is empty: its shape is {shape}. Connect a latent with at least one picture.")
    if not samples.is_floating_point():
        raise LatentError(f"the latent holds {samples.dtype} numbers; expected floating point.")
    return samples


def finite_samples_of(latent: Latent) -> torch.Tensor:
    """The same where a LATENT enters the pack: every number is looked at.

    Raises:
        LatentError: see `samples_of`; also NaN or infinite values.
    """
    samples = samples_of(latent)
    bad = samples.numel() - int(torch.isfinite(samples).sum())
    if bad:
        raise LatentError(
            f"{bad} of {samples.numel()} numbers of the latent are NaN or infinite. The node that made it failed: "
            "often a half-precision VAE or model overflowed. Noised latents of flow models at full strength are "
            "infinite, too: connect them to Second Sampling only."
        )
    return samples


def fit_to_model(model: Any, latent: Latent) -> torch.Tensor:
    """Return the latent in the form the model samples: an empty latent takes its channels, ratio and frames axis.

    Raises:
        LatentError: see `finite_samples_of`; also a latent with content in another number of channels than the model's.
    """
    samples = finite_samples_of(latent)
    samples = comfy.sample.fix_empty_latent_channels(
        model, samples, latent.get("downscale_ratio_spacial"), latent.get("downscale_ratio_temporal")
    )
    latent_format = model.get_model_object("latent_format")
    if samples.shape[1] != latent_format.latent_channels:
        raise LatentError(
            f"the latent has {samples.shape[1]} channels, the model works on {latent_format.latent_channels}. "
            "Latent and model belong to different families: make the latent with this model's VAE."
        )
    if samples.ndim != latent_format.latent_dimensions + 2:
        raise LatentError(
            f"the latent has {samples.ndim} axes {tuple(samples.shape)}, "
            f"the model works on {latent_format.latent_dimensions + 2}."
        )
    return samples


def is_masked(latent: Latent) -> bool:
    """Whether a LATENT's noise mask keeps anything."""
    mask = latent.get("noise_mask")
    return mask is not None and bool((mask < 1).any())


def with_samples(latent: Latent, samples: torch.Tensor) -> Latent:
    """Copy a LATENT with other samples, keeping masks, batch indices and keys of other packs."""
    out = latent.copy()
    out.pop(_NOISED, None)
    # only meaningful for empty latents that a sampler still has to fit to its model
    out.pop("downscale_ratio_spacial", None)
    out.pop("downscale_ratio_temporal", None)
    out["samples"] = samples
    return out


def after_second(latent: Latent, samples: torch.Tensor, sigmas: torch.Tensor) -> Latent:
    """Copy a LATENT with what a second pass has made of it; one that stops on the way leaves word to the next."""
    out, made = with_samples(latent, samples), _made(latent, sigmas)
    out.pop(_MADE, None)
    return {**out, _MADE: made} if made and bool(sigmas[-1:].any()) else out


@dataclass(frozen=True)
class _Made:
    """What Re-noise has made."""

    values: SecondPassValues
    schedule: torch.Tensor


@dataclass(frozen=True)
class Noised:
    """What a noised latent was made of. A sampler needs the parts: masks and flow models are wrong with the sum."""

    clean: torch.Tensor
    """The latent before the noise, unscaled, `(B, C, [T,] h, w)`."""

    noise: torch.Tensor
    """Unit noise of the same shape."""

    schedule: torch.Tensor
    """The schedule that the pass is the end of."""

    samples: torch.Tensor
    """The noised latent itself, by which it is recognised after nodes that copy it or pick from the batch."""

    values: SecondPassValues
    """What the schedule was made with."""

    drawn: torch.Tensor
    """The noise before settings made it stronger."""

    denoising_strength: float | None
    """What the schedule was cut by; None where that is not known."""


def with_noised(latent: Latent, noised: Noised, sigmas: torch.Tensor) -> Latent:
    """Copy a LATENT with noised samples and remember their parts, in the LATENT and in the SIGMAS of the pass."""
    out = with_samples(latent, noised.samples)
    out[_NOISED] = noised
    setattr(sigmas, _NOISED, noised)  # nodes of other packs may drop the LATENT's keys
    return out


def noised_of(latent: Latent, sigmas: torch.Tensor) -> Noised | None:
    """Return the parts of the noised pictures in a LATENT; None when it came from elsewhere or was changed on the way.

    Pictures picked from the noised batch, in any order and number, keep theirs.
    """
    noised, samples = _remembered(latent, sigmas), latent.get("samples") if isinstance(latent, dict) else None
    if noised is None or not isinstance(samples, torch.Tensor):
        return None
    if samples is noised.samples:
        return noised
    if samples.shape[1:] != noised.samples.shape[1:] or samples.dtype != noised.samples.dtype:
        return None
    rows = [next((i for i, old in enumerate(noised.samples) if torch.equal(new, old)), -1) for new in samples.cpu()]
    if not rows or -1 in rows:
        return None
    picked = {name: getattr(noised, name)[rows] for name in ("clean", "noise", "drawn")}
    return replace(noised, **picked, samples=samples)


def schedule_of(latent: Latent, sigmas: torch.Tensor) -> torch.Tensor:
    """The schedule that a pass is the end of, also where another sampler has changed the LATENT."""
    noised = _remembered(latent, sigmas)
    if noised is None:
        return sigmas
    end = noised.schedule[len(noised.schedule) - len(sigmas) :]
    return noised.schedule if torch.equal(end.cpu(), sigmas.cpu()) else sigmas


def first_values(latent: Latent) -> PassValues | None:
    """What the first pass that a LATENT came from was told; None where there is none that is known."""
    values = latent.get(FIRST_VALUES) if isinstance(latent, dict) else None
    return values if isinstance(values, PassValues) else None


def values_of(latent: Latent, sigmas: torch.Tensor) -> SecondPassValues | None:
    """What Re-noise made the SIGMAS or, if they do not tell, the LATENT with; None where it made neither."""
    noised = _of_sigmas(sigmas) or _remembered(latent, sigmas)
    return noised.values if noised else None


def values_to_go_on_with(latent: Latent, sigmas: torch.Tensor) -> SecondPassValues | None:
    """The same, also where a second pass stopped on the way and the SIGMAS are the rest."""
    made = _made(latent, sigmas)
    return made.values if made else None


def _made(latent: Latent, sigmas: torch.Tensor) -> _Made | None:
    noised = _of_sigmas(sigmas) or _remembered(latent, sigmas)
    if noised:
        return _Made(noised.values, noised.schedule)
    made = latent.get(_MADE) if isinstance(latent, dict) else None
    if not isinstance(made, _Made) or not bool(torch.isin(sigmas.cpu(), made.schedule.cpu()).all()):
        return None
    return made


def _remembered(latent: Latent, sigmas: torch.Tensor) -> Noised | None:
    kept = latent.get(_NOISED) if isinstance(latent, dict) else None
    return kept if isinstance(kept, Noised) else _of_sigmas(sigmas)


def _of_sigmas(sigmas: torch.Tensor) -> Noised | None:
    noised = getattr(sigmas, _NOISED, None)
    return noised if isinstance(noised, Noised) else None


def resize_latent(latent: Latent, target: TargetSize, mode: str) -> Latent:
    """Enlarge a LATENT with all that lies in it to the target, in one of A1111's latent modes.

    Raises:
        LatentError: see `finite_samples_of`.
        SizeError: the latent is not of the size that the target was worked out for.
    """
    samples = finite_samples_of(latent)
    if is_asked():  # the run ends: the first pass is its result
        return latent
    cells = target.up_width // target.cell, target.up_height // target.cell
    count = samples[..., 0, 0].numel()
    size = samples.shape[-1], samples.shape[-2]
    becomes = f"{samples.shape[0]} latents of {size[0]}x{size[1]} cells become {cells[0]}x{cells[1]}"
    # before the crop and after it
    check_memory(becomes, memory.pictures(cells, count, 1) + memory.pictures(target.latent_size, count, 1), "target")
    return at_target(with_samples(latent, upscale_latent(samples, target, mode)), target)


def at_target(latent: Latent, target: TargetSize) -> Latent:
    """Bring what lies in a LATENT, whose samples are of the target's size by now, there as well.

    Its mask, which the host would stretch over the crop, and the places of the first pass's prompts.
    """
    size = (target.up_height // target.cell, target.up_width // target.cell)
    left, top, _, _ = target.crop_window(size[1], size[0])
    latent = enlarged(latent, size, top, left)
    mask = latent.get("noise_mask")
    if mask is None:
        return latent
    mask = F.interpolate(mask.reshape(-1, 1, *mask.shape[-2:]), size=size, mode="bilinear")
    return {**latent, "noise_mask": crop_latent(mask, target)}
