"""A recorded run of A1111's LDSR: the nodes for it, and how far their picture is from the recorded one."""

from __future__ import annotations

import math

import numpy as np

from ...hires.graph.stages import load_upscaler
from ..fixtures import ldsr
from .cases import Case, CaseError
from .graph import Plan
from .measure import LDSR_DIFFERENT, LDSR_OFF_BY_MORE, Measured, Saved, eight_bits

UPSCALER = f"LDSR/{ldsr.FILE}"
"""What Load Upscaler calls the recorded checkpoint."""


def build(case: Case) -> Plan:
    """Return the job as a graph that ends before A1111's last resize, which was not recorded.

    Raises CaseError if the input picture is missing.
    """
    plan, path = Plan(), case.folder / "input.png"
    if not path.is_file():
        raise CaseError(f"{case.id} has no input.png in {case.folder}.")
    settings = {"steps": int(case.data["steps"]), "seed": int(case.data["seed"]), "eta": 1.0, "downsample": "A1111"}
    upscaler = load_upscaler(plan.graph, UPSCALER)
    upscaler = plan.graph.node("HiresFixLdsrSettings", upscaler=upscaler, **settings).out()
    picture, factor = plan.picture(path), float(case.data["scale"])
    plan.save("image", image=plan.graph.node("ProbeEnlarge", upscaler=upscaler, image=picture, factor=factor).out())
    return plan


def measure(case: Case, saved: Saved) -> Measured:
    """Compare the values of the picture."""
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
