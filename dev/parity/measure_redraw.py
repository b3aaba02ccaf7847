"""How far img2img and SD upscale are from their recordings: stage by stage, and tile by tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .cases import Case
from .measure import SCALE, Measured, Saved, eight_bits
from .sd_upscale import recorded_tiles, runs_of_picture


def measure_img2img(case: Case, saved: Saved) -> Measured:
    """Compare every stage that was recorded."""
    result = Measured()
    for run in case.runs[:1]:
        shown = 0
        for index, record in enumerate(run["iterations"]):
            _compare_batch(result, case, saved, f"it{index}.", (0, index), 0, 1)
            finished = saved(f"it{index}.image")
            for item in range(len(record["seeds"])):
                ours = eight_bits(finished["image"][item]) if finished else None
                result.add_picture(ours, case.picture(run.get("index_of_first_image", 0) + shown))
                shown += 1
    return result


def measure_sd_upscale(case: Case, saved: Saved) -> Measured:
    """Compare every stage of every batch of tiles, the tiles, and the pictures that they make.

    Where the enlarged picture is another one by a level here or there, batches are compared that begin with the
    recorded one.
    """
    result = Measured()
    again = _compare_upscaled(result, case, saved)
    for number in range(case.pictures):
        runs = runs_of_picture(case, number)
        if number == 0 or not again:
            for place, run in enumerate(runs):
                stage = "rest." if again else f"n{number}."
                _compare_batch(result, case, saved, stage, (run, 0), place, len(runs))
        tiles, recorded = saved(f"n{number}.tiles"), recorded_tiles(case, number)
        if tiles is not None and recorded is not None and not again:
            _compare_tiles(result, tiles["image"], recorded)
        rest = saved(f"n{number}.rest.image")
        if rest is not None:
            off = eight_bits(rest["image"][0]) != case.picture(number)
            result.stages["rest.image"] = max(float(off.mean()), result.stages.get("rest.image", 0.0))
        finished = saved(f"n{number}.image")
        result.add_picture(eight_bits(finished["image"][0]) if finished else None, case.picture(number))
    return result


def _compare_upscaled(result: Measured, case: Case, saved: Saved) -> bool:
    """Whether the rest is better compared from the recorded picture on."""
    ours, theirs = saved("upscaled"), case.stage_picture("upscaled")
    if ours is None or theirs is None:
        return False
    levels = eight_bits(ours["image"][0])
    if levels.shape != theirs.shape:
        result.notes.append(f"enlarged picture: {levels.shape} instead of {theirs.shape}")
        return False
    result.add_between("upscaled", levels, theirs)
    off = levels != theirs
    if not off.any():
        return False
    most = int(np.abs(levels.astype(int) - theirs.astype(int)).max())
    said = f"{int(off.sum())} of {off.size} values of the enlarged picture differ, by {most} at most"
    if most > 1:
        result.notes.append(said)
        return False
    result.remarks.append(f"{said}: its model rounds to 8 bits; the stages are compared from the recorded one on")
    return saved("rest.hr.init") is not None


def _compare_batch(
    result: Measured, case: Case, saved: Saved, stage: str, at: tuple[int, int], place: int, batches: int
) -> None:
    """One batch of a redraw: run and iteration `at` of the recording, `place` in the lists that were saved."""
    run, iteration = at

    def recorded(name: str) -> torch.Tensor | None:
        return case.tensor_of_run(run, name)

    def add(name: str, theirs: torch.Tensor | None, scale: float) -> None:
        kept = saved(stage + name)
        if theirs is not None:
            ours = kept.get(f"latent{place}") if kept else None
            # a last batch of one tile is drawn as often as a batch has tiles
            result.add(name, None if ours is None else ours * scale, theirs[: len(theirs if ours is None else ours)])

    prefix = f"it{iteration}.img2img."
    add("hr.init", recorded("init.latent"), SCALE)
    add("hr.noise", recorded(prefix + "noise"), 1.0)
    calls, called = saved(stage + "hr.calls"), recorded(prefix + "call_sigma")
    if called is not None:
        scale = "sigmas" if recorded(prefix + "timesteps") is None else "timesteps"
        ours = calls[scale] if calls else None
        record: dict[str, Any] = case.runs[run]["iterations"][iteration]
        # the steps of DPM adaptive depend on the latent, but for the first
        own_pace = record.get("sampler_function") == "sample_dpm_adaptive"
        if ours is not None and not own_pace:
            ours = ours[place * len(called) : (place + 1) * len(called)] if batches > 1 else ours
        if not own_pace or place == 0:
            count = 3 if own_pace else None
            result.add("hr.sigmas", None if ours is None else ours[:count], called.reshape(len(called), -1)[:count, 0])
    handed, given = recorded(prefix + "sigmas"), saved(stage + "hr.sigmas")
    if handed is not None and given is not None:
        result.add("hr.sigmas", given["sigmas"], handed)
    add("hr.latent", recorded(prefix + "latent"), SCALE)


def _compare_tiles(result: Measured, ours: torch.Tensor, theirs: NDArray[np.uint8]) -> None:
    """The finished tiles, in 8 bits and, where these differ, before the rounding."""
    # those that are no whole cells are filled up again, which A1111 leaves to its combining
    ours = ours[:, : theirs.shape[1], : theirs.shape[2]]
    if ours.shape != theirs.shape:
        result.notes.append(f"tiles: {tuple(ours.shape)} instead of {theirs.shape}")
        return
    levels = np.stack([eight_bits(tile) for tile in ours])
    off = levels != theirs
    result.between["tiles"] = result.between.get("tiles", 0) + int(off.sum())
    if off.any():
        exact = 255.0 * ours.double().numpy()
        beyond = np.maximum(theirs - exact, exact - (theirs + 1.0))[off].max()
        most = int(np.abs(levels.astype(int) - theirs.astype(int)).max())
        result.remarks.append(
            f"{int(off.sum())} of {off.size} values of the tiles differ, by {most} at most: before they are cut to 8 "
            f"bits, they are at most {beyond:.4f} of a level beyond those recorded"
        )
