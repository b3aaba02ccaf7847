"""How far a redraw (img2img, with or without a script) is from its recording: stage by stage, and tile by tile."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from .cases import Case
from .measure import SCALE, Measured, Saved, eight_bits
from .redraw import REST, Batch, RedrawPlan, recorded_tiles


def measure_redraw(case: Case, plan: RedrawPlan, saved: Saved) -> Measured:
    """Compare every stage that was recorded.

    Where SD upscale's enlarged picture is another one by a level here or there, batches are compared that begin with
    the recorded one.
    """
    result = Measured()
    again = _compare_upscaled(result, case, saved)
    for batch in plan.batches:
        if not again:
            _compare_batch(result, case, saved, batch)
        elif batch.stage == "n0.":
            _compare_batch(result, case, saved, Batch(REST, batch.run, batch.iteration, batch.place, batch.of))
        _compare_given(result, case, plan, saved, batch)
    pictures: list[Image.Image | None] = []
    for number, stage in enumerate(plan.shown):
        if case.data.get("grid"):
            _compare_tiles(result, case, saved, number, judged=not again)
        pictures += _finished(plan, saved, stage) or [None]
    whole = [picture for picture in pictures if picture is not None]
    shown = plan.arranged(whole) if len(whole) == len(pictures) else pictures
    first = case.runs[0].get("index_of_first_image", 0) if case.runs else 0
    for index in range(case.pictures - first):
        ours = shown[index] if index < len(shown) else None
        result.add_picture(None if ours is None else np.asarray(ours), case.picture(first + index))
    return result


def _finished(plan: RedrawPlan, saved: Saved, stage: str) -> list[Image.Image]:
    """The pictures of a batch, as they are returned."""
    kept = saved(stage + "image")
    drawn = [Image.fromarray(eight_bits(picture)) for picture in kept["image"]] if kept else []
    return plan.afterwards[stage].composed(drawn) if stage in plan.afterwards else drawn


def _compare_upscaled(result: Measured, case: Case, saved: Saved) -> bool:
    """Whether the rest is better compared from the recorded picture on."""
    ours, theirs = saved("n0.upscaled"), case.stage_picture("upscaled")
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
    return saved(REST + "hr.init") is not None


def _compare_batch(result: Measured, case: Case, saved: Saved, batch: Batch) -> None:
    run, iteration, stage, place = batch.run, batch.iteration, batch.stage, batch.place

    def recorded(name: str) -> torch.Tensor | None:
        return case.tensor_of_run(run, name)

    def add(name: str, saved_as: str, key: str, theirs: torch.Tensor | None, scale: float) -> None:
        kept = saved(stage + saved_as)
        if theirs is not None:
            ours = kept.get(f"{key}{place}") if kept else None
            # a last batch of one tile is drawn as often as a batch has tiles
            result.add(name, None if ours is None else ours * scale, theirs[: len(theirs if ours is None else ours)])

    prefix = f"it{iteration}.img2img."
    add("hr.init", "hr.init", "latent", recorded("init.latent"), SCALE)
    mask = recorded("init.nmask")
    if mask is not None:
        add("hr.mask", "hr.init", "mask", mask[None, :1], 1.0)
    add("hr.noise", "hr.noise", "latent", recorded(prefix + "noise"), 1.0)
    on_timesteps = recorded(prefix + "timesteps") is not None
    if not on_timesteps:  # these begin with another scale
        add("hr.noised", "hr.noised", "latent", recorded(prefix + "x_init"), SCALE)
    calls, called = saved(stage + "hr.calls"), recorded(prefix + "call_sigma")
    if called is not None:
        ours = calls["timesteps" if on_timesteps else "sigmas"] if calls else None
        record: dict[str, Any] = case.runs[run]["iterations"][iteration]
        # the steps of DPM adaptive depend on the latent, but for the first
        own_pace = record.get("sampler_function") == "sample_dpm_adaptive"
        if ours is not None and not own_pace:
            ours = ours[place * len(called) : (place + 1) * len(called)] if batch.of > 1 else ours
        if not own_pace or place == 0:
            count = 3 if own_pace else None
            result.add("hr.sigmas", None if ours is None else ours[:count], called.reshape(len(called), -1)[:count, 0])
    handed, given = recorded(prefix + "sigmas"), saved(stage + "hr.sigmas")
    if handed is not None and given is not None:
        result.add("hr.sigmas", given["sigmas"], handed)
    decoded = recorded(prefix + "decoded_latent")
    add("hr.latent", "hr.latent", "latent", recorded(prefix + "latent") if decoded is None else decoded, SCALE)


def _compare_given(result: Measured, case: Case, plan: RedrawPlan, saved: Saved, batch: Batch) -> None:
    """What is encoded, and what is laid over the result, in 8 bits; recorded of the first batch."""
    if batch.run or batch.iteration:
        return
    after, kept = plan.afterwards.get(batch.stage), saved(batch.stage + "given")
    found = after and after.masked
    ours: dict[str, list[NDArray[np.uint8]]] = {
        "init": [eight_bits(picture) for picture in kept["image"]] if kept else [],
        "overlay": [np.asarray(picture) for picture in found.overlays] if found else [],
    }
    for name, pictures in ours.items():
        for item, picture in enumerate(pictures):
            theirs = case.stage_picture(f"{name}_{item}")
            if theirs is None:
                continue
            result.add_between(name, picture, theirs)
            most = (
                int(np.abs(picture.astype(int) - theirs.astype(int)).max()) if picture.shape == theirs.shape else None
            )
            if most is None or most > 1:
                result.notes.append(f"{name}_{item}: {picture.shape}, {most} levels off, instead of {theirs.shape}")


def _compare_tiles(result: Measured, case: Case, saved: Saved, number: int, judged: bool) -> None:
    """The finished tiles of SD upscale, and how recorded ones are put together."""
    rest, tiles = saved(f"n{number}.{REST}image"), saved(f"n{number}.tiles")
    if rest is not None:
        off = eight_bits(rest["image"][0]) != case.picture(number)
        result.stages["rest.image"] = max(float(off.mean()), result.stages.get("rest.image", 0.0))
    theirs = recorded_tiles(case, number)
    if tiles is None or theirs is None or not judged:
        return
    # those that are no whole cells are filled up again, which A1111 leaves to its combining
    ours = tiles["image"][:, : theirs.shape[1], : theirs.shape[2]]
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
