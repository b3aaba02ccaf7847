"""How far a run is from its recording, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from .cases import Case

SCALE = 0.18215
"""SD 1.x: recorded latents are ComfyUI's times this."""

EXACT, LATENT, PICTURE = 1e-6, 1e-4, 50.0
"""Largest relative L2 distance of noise and sigmas, of latents, and smallest PSNR of pictures in dB."""

OFF_BY_MORE = 0.001
"""Extras: largest share of pixels that may differ by more than 1 of 255."""

SAME_PICTURE = 100.0
"""PSNR that stands for no difference at all."""

LDSR_DIFFERENT, LDSR_OFF_BY_MORE = "ldsr.different", "ldsr.off by more"
"""Shares of the values of a picture of LDSR that differ at all, and by more than 1 of 255: levels are cut off there, so
that the last digit of a sum shows in one of some hundred."""

LIMITS = {
    "first.noise": EXACT,
    "first.sigmas": EXACT,
    "first.latent": LATENT,
    "hr.init": LATENT,
    "hr.mask": EXACT,
    "hr.noise": EXACT,
    "hr.noised": LATENT,
    "hr.sigmas": EXACT,
    "hr.latent": LATENT,
    "image": OFF_BY_MORE,
    "rest.image": 0.0,
    LDSR_DIFFERENT: 0.005,
    LDSR_OFF_BY_MORE: 0.0,
}
"""Stage -> largest error. Stages that are not here explain others: they are reported and not judged."""

REST = {"rest.init": "hr.init", "rest.latent": "hr.latent"}
"""Stages that start from the recorded 8-bit picture between the passes -> the recorded array."""

Saved = Callable[[str], dict[str, torch.Tensor] | None]
"""Reads what the graph left under a stage's name; None when it left nothing."""


@dataclass
class Measured:
    """The distances of one run; of several pictures or batches the worst."""

    stages: dict[str, float] = field(default_factory=dict)
    psnr: float | None = None
    off_by_more: float | None = None
    """Largest share of a finished picture's pixels that differ by more than 1 of 255 in a channel."""
    between: dict[str, int] = field(default_factory=dict)
    """Of the 8-bit pictures between the passes: how many values differ."""
    notes: list[str] = field(default_factory=list)
    """What a number cannot say, such as a wrong shape."""
    remarks: list[str] = field(default_factory=list)
    """What is worth a word where everything is within the tolerances."""

    def add(self, stage: str, ours: torch.Tensor | None, theirs: torch.Tensor) -> None:
        """Take one tensor of a stage."""
        if ours is None:
            return self._worst(stage, math.inf, f"{stage}: nothing came out")
        if ours.shape != theirs.shape:
            return self._worst(stage, math.inf, f"{stage}: {tuple(ours.shape)} instead of {tuple(theirs.shape)}")
        return self._worst(stage, relative(ours, theirs))

    def add_picture(self, ours: NDArray[np.uint8] | None, theirs: NDArray[np.uint8]) -> None:
        """Take one finished picture."""
        if ours is None or ours.shape != theirs.shape:
            self.psnr, self.off_by_more = -math.inf, math.inf
            self.notes.append(f"picture: {None if ours is None else ours.shape} instead of {theirs.shape}")
            return
        self.psnr = min(SAME_PICTURE if self.psnr is None else self.psnr, psnr(ours, theirs))
        self.off_by_more = max(self.off_by_more or 0.0, off_by_more(ours, theirs))

    def add_between(self, stage: str, ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> None:
        """Take a picture between the passes: the share of its values that differ."""
        if ours.shape == theirs.shape:
            off = ours != theirs
            self._worst(stage, float(off.mean()))
            self.between[stage] = self.between.get(stage, 0) + int(off.sum())

    def beyond(self) -> list[str]:
        """What is outside the tolerances, first stage first."""
        reasons = [
            f"{stage} {error:.1e} > {LIMITS[stage]:.0e}"
            for stage, error in self.stages.items()
            if stage in LIMITS and not error <= LIMITS[stage]
        ]
        if reasons and any(self.between.values()):
            counts = " and ".join(f"{count} values of {stage}" for stage, count in self.between.items())
            rest = ", ".join(f"{stage} {error:.1e}" for stage, error in self.stages.items() if stage in REST)
            after = f"; from the recorded one on: {rest}" if rest else ""
            reasons.append(f"8-bit pictures between the passes differ in {counts}{after}")
        if reasons:
            reasons += self.remarks
        if self.psnr is not None and self.psnr < PICTURE and "image" not in self.stages:
            reasons.append(f"picture {self.psnr:.1f} dB < {PICTURE:.0f} dB")
        return reasons + self.notes

    def _worst(self, stage: str, error: float, note: str = "") -> None:
        self.stages[stage] = max(error, self.stages.get(stage, 0.0)) if not math.isnan(error) else math.inf
        if note:
            self.notes.append(note)


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """L2 distance over the L2 norm of the recording, in float64."""
    difference, norm = (ours.double() - theirs.double()).norm(), theirs.double().norm()
    return float(difference / norm) if norm else float(difference)


def psnr(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB."""
    error = float(np.mean((ours.astype(np.float64) - theirs.astype(np.float64)) ** 2))
    return SAME_PICTURE if error == 0 else min(SAME_PICTURE, 10 * math.log10(255.0**2 / error))


def off_by_more(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float:
    """Share of the pixels `(H, W[, C])` that differ by more than 1 in a channel."""
    off = np.abs(ours.astype(int) - theirs.astype(int)).reshape(*ours.shape[:2], -1) > 1
    return float(off.any(axis=-1).mean())


def eight_bits(image: torch.Tensor) -> NDArray[np.uint8]:
    """A picture 0 to 1 in 8 bits, truncated as A1111 does when it saves."""
    return (255.0 * image.float().numpy()).clip(0, 255).astype(np.uint8)


def measure_txt2img(case: Case, saved: Saved) -> Measured:
    """Compare every stage that was recorded."""
    result = Measured()
    batch = int(case.resolved("batch_size", 1))
    for index, record in enumerate(case.iterations):
        if not case.request.get("firstpass_image"):  # then there was none
            _compare_pass(result, case, saved, index, "first", record)
        if case.tensor(index, "hr.init") is not None:
            _compare_between(result, case, saved, index, batch)
            _compare(result, case, saved, index, "hr.init", SCALE)
            _compare_pass(result, case, saved, index, "hr", record)
        finished = saved(f"it{index}.image")
        for item in range(batch):
            if index * batch + item < case.pictures:
                ours = eight_bits(finished["image"][item]) if finished else None
                result.add_picture(ours, case.picture(index * batch + item))
    return result


def _compare_between(result: Measured, case: Case, saved: Saved, index: int, batch: int) -> None:
    cut = [int(case.resolved(f"truncate_{axis}", 0)) // 2 * 8 for axis in "yx"]
    for name in ("lowres", "upscaled"):
        kept = saved(f"it{index}.hr.{name}")
        for item in range(batch):
            theirs = case.picture_between(index, name, item)
            if kept is None or theirs is None:
                continue
            ours = eight_bits(kept["image"][item])
            if name == "upscaled":  # the recorded one is not cropped yet
                theirs = theirs[cut[0] : cut[0] + ours.shape[0], cut[1] : cut[1] + ours.shape[1]]
            result.add_between(f"hr.{name}", ours, theirs)
    for stage, array in REST.items():
        theirs, kept = case.tensor(index, array), saved(f"it{index}.{stage}")
        if kept is not None and theirs is not None:
            result.add(stage, kept["latent"] * SCALE, theirs)


def _compare(result: Measured, case: Case, saved: Saved, index: int, stage: str, scale: float = 1.0) -> None:
    theirs = case.tensor(index, stage)
    if theirs is not None:
        kept = saved(f"it{index}.{stage}")
        result.add(stage, kept["latent"] * scale if kept else None, theirs)


def _compare_pass(result: Measured, case: Case, saved: Saved, index: int, which: str, record: dict) -> None:
    _compare(result, case, saved, index, f"{which}.noise")
    calls, recorded = saved(f"it{index}.{which}.calls"), case.tensor(index, f"{which}.call_sigma")
    if recorded is not None:
        scale = "timesteps" if case.tensor(index, f"{which}.timesteps") is not None else "sigmas"
        # the steps of DPM adaptive depend on the latent, but for the first
        count = 3 if record.get(which, {}).get("sampler_function") == "sample_dpm_adaptive" else None
        result.add(f"{which}.sigmas", calls[scale][:count] if calls else None, recorded[:count, 0])
    handed = case.tensor(index, f"{which}.sigmas")
    given = saved(f"it{index}.{which}.sigmas")
    if handed is not None and given is not None and not len(given["sigmas"]) == len(handed) - 1 == 0:
        # strength 0 leaves A1111 with a lone zero and us with an empty list: nothing to run either way
        result.add(f"{which}.sigmas", given["sigmas"], handed)
    _compare(result, case, saved, index, f"{which}.latent", SCALE)


def measure_extras(case: Case, saved: Saved) -> Measured:
    """Compare every picture."""
    result = Measured()
    for index in range(case.pictures):
        kept, theirs = saved(f"image{index}"), case.picture(index)
        result.add_picture(eight_bits(kept["image"][0]) if kept else None, theirs)
    if result.off_by_more is not None:
        result.stages["image"] = result.off_by_more
    return result


def measure_ldsr(case: Case, saved: Saved) -> Measured:
    """Compare the values of a picture of LDSR, before its last resize."""
    result = Measured()
    theirs, kept = case.stage_picture("output"), saved("image")
    if theirs is None:
        return result
    ours = eight_bits(kept["image"][0]) if kept else None
    result.add_picture(ours, theirs)
    is_like = ours is not None and ours.shape == theirs.shape
    off = np.abs(ours.astype(int) - theirs.astype(int)) if is_like and ours is not None else None
    result.stages[LDSR_DIFFERENT] = math.inf if off is None else float((off > 0).mean())
    result.stages[LDSR_OFF_BY_MORE] = math.inf if off is None else float((off > 1).mean())
    if off is not None:
        result.remarks.append(f"{(off > 0).mean():.2%} of the values off by 1, {int((off > 1).sum())} by more")
    return result
