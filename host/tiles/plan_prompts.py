"""The words of a plan as CONDITIONING: each acts where it belongs, by a mask, for any sampler and any MODEL."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from ...hires.errors import InputError
from ...hires.tile_plan.plan import NO_ENCODER, PlannedWords, TilePlan
from ..prompts.later import LATER_KEY

Conditioning = list[list[Any]]

_LONGEST = 1024
"""Of a mask, in its own pixels; about as fine as the latent of any pass that fits a device."""

_OF_WORDS = {
    "pooled_output", "attention_mask", "start_percent", "end_percent", "clip_start_percent", "clip_end_percent",
    "strength", "area", "mask", "mask_strength", "set_area_to_bounds", "model_conds",
}  # fmt: skip
"""What an entry says of its own words and of where they act. All else, as ControlNets, is for any words."""


def planned_prompt(
    positive: Conditioning, plan: TilePlan, clip: Any, encoded: dict[str, Conditioning] | None = None
) -> Conditioning:
    """Keep a prompt and a plan's words to their places. Without words in the plan the prompt comes back as it is.

    Masks of the prompt's own entries go on acting. Places sum to 1: nothing is guided twice. `encoded`: where the
    words are kept that the parts of a plan have in common.

    Raises:
        InputError: words without a text encoder, or beside a prompt that is encoded later; see also `TilePlan.words`.
    """
    if plan.has_words and clip is None:  # also where an empty mask leaves them no place: the badge cannot know that
        raise InputError(NO_ENCODER, "clip")
    planned = plan.words(*_cells(plan))
    if all(one.words == (None, ()) for one in planned):
        return positive
    known: dict[str, Conditioning] = {} if encoded is None else encoded

    def encode(words: str) -> Conditioning:
        if words not in known:
            known[words] = clip.encode_from_tokens_scheduled(clip.tokenize(words))
        return known[words]

    result: Conditioning = []
    for one in planned:
        base = positive if one.words.instead is None else _instead(positive, encode(one.words.instead))
        for words in one.words.added:
            base = _added(base, encode(words), words)
        result += [_kept_to(entry, one) for entry in base]
    return result


def _cells(plan: TilePlan) -> tuple[int, int]:
    """Of masks for what a plan is about: as large in a part as in the whole picture."""
    cell = 1
    while max(plan.size) > _LONGEST * cell:
        cell *= 2
    width, height = plan.seen
    return max(1, math.ceil(width / cell - 1e-6)), max(1, math.ceil(height / cell - 1e-6))


def _instead(positive: Conditioning, encoded: Conditioning) -> Conditioning:
    """Other words in a prompt's place, with what it holds for any words: that of its first entry."""
    held = positive[0][1] if positive else {}
    common = {key: value for key, value in held.items() if key not in _OF_WORDS and not key.startswith("hires_fix")}
    return [[tensor, {**common, **extra}] for tensor, extra in encoded]


def _added(base: Conditioning, encoded: Conditioning, words: str) -> Conditioning:
    """Words behind those of every entry, as Conditioning (Concat) does it."""
    tensor = encoded[0][0]
    result: Conditioning = []
    for own, extra in base:
        if LATER_KEY in extra:
            raise InputError(
                f"'add: {words[:40]}' is to go with the text of an A1111 Prompt whose editing counts the steps of its "
                "pass, so it is not encoded yet. Use 'prompt:', or set steps, sampler_name and for_pass there.",
                "positive",
            )
        if own.ndim != 3 or own.shape[-1] != tensor.shape[-1]:
            raise InputError(
                f"the prompt is encoded in vectors of {own.shape[-1]}, the plan's words in {tensor.shape[-1]}. Connect "
                "the text encoder that the prompt was made with.",
                "clip",
            )
        more = {**extra}
        if more.get("attention_mask") is not None:  # of the tokens of both
            ahead = more["attention_mask"]
            behind = encoded[0][1].get("attention_mask")
            behind = behind if behind is not None else ahead.new_ones(1, tensor.shape[1])
            more["attention_mask"] = torch.cat([ahead, behind.to(ahead).expand(len(ahead), -1)], dim=-1)
        result.append([torch.cat([own, tensor.to(own).expand(len(own), -1, -1)], dim=1), more])
    return result


def _kept_to(entry: list[Any], place: PlannedWords) -> list[Any]:
    tensor, extra = entry
    mask = place.weights[None]
    own = extra.get("mask")
    if own is not None:
        if own.ndim == 2:
            own = own[None]
        mask = own * F.interpolate(mask[None], own.shape[-2:], mode="bilinear")[0].to(own)
    return [tensor, {**extra, "mask": mask}]
