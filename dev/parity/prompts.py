"""Both prompts of a pass as CONDITIONING: recorded embeddings, or the pack's own prompt node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ...hires.graph.builder import Output
from .cases import Case
from .graph import Plan, Variant
from .settings import NotMappedError, Settings


@dataclass(frozen=True)
class PassFacts:
    """What the prompts of one pass depend on besides their text."""

    for_pass: str
    """`first pass` or `second pass`."""
    steps: int
    """Of the first pass."""
    hr_second_pass_steps: int
    sampler_name: str
    """Of the first pass: it decides how many calls a step is worth when prompts change on the way."""
    hr_sampler_name: str


class Prompts:
    """Makes the CONDITIONING nodes of one case."""

    def __init__(self, case: Case, settings: Settings, plan: Plan, variant: Variant) -> None:
        self._case, self._plan, self._variant = case, plan, variant
        self._clip_skip = settings.option("CLIP_stop_at_last_layers")
        self._emphasis = settings.option("emphasis")
        self._backtrack = settings.option("comma_padding_backtrack")
        self._pad = settings.option("pad_cond_uncond")

    def pair(self, record: dict[str, Any], clip: Output, facts: PassFacts, after_switch: bool = False) -> list[Output]:
        """Return (positive, negative) of a recorded pass; `after_switch`: those of its refiner."""
        return self.injected(record, clip, after_switch) or [
            self._encoded(record["prompts"][0], clip, facts),
            self._encoded(record["negative_prompts"][0], clip, facts, True),
        ]

    def injected(self, record: dict[str, Any], clip: Output, after_switch: bool = False) -> list[Output] | None:
        """Return the recorded (positive, negative), see `pair`; None if they are to be encoded.

        Where the program failed before it encoded anything, there is nothing to inject.
        """
        suffix = "_after_switch" if after_switch else ""
        if self._variant != "injected" or "cond" + suffix not in record:
            return None
        positive, negative = _of_first(record, "cond" + suffix), _of_first(record, "uncond" + suffix, "negative_")
        parts = [span for i, part in enumerate(positive) for span in _spans(part["schedules"], i, part["weight"])]
        return [self._injected(parts, clip), self._injected(_spans(negative, 0, 1.0), clip)]

    def _encoded(self, text: str, clip: Output, facts: PassFacts, negative: bool = False) -> Output:
        return self._plan.graph.node(
            "HiresFixPrompt",
            clip=clip,
            text=text,
            steps=facts.steps,
            for_pass=facts.for_pass,
            hr_second_pass_steps=facts.hr_second_pass_steps,
            sampler_name=facts.sampler_name,
            clip_skip=self._clip_skip,
            emphasis=self._emphasis,
            comma_padding_backtrack=self._backtrack,
            hr_sampler_name=None if facts.hr_sampler_name == facts.sampler_name else facts.hr_sampler_name,
            negative_prompt=negative or None,
            pad_cond_uncond=self._pad or None,
        ).out()

    def _injected(self, parts: list[dict[str, Any]], clip: Output) -> Output:
        for part in parts:
            if part["key"] not in self._plan.tensors:
                self._plan.tensors[part["key"]] = self._case.embedding(part["key"])[None]
        if len(parts) == 1 and parts[0]["weight"] == 1.0 and not self._pad:
            return self._plan.graph.node("ProbeConditioning", file=self._plan.file, key=parts[0]["key"]).out()
        empty = self._plan.graph.node("CLIPTextEncode", clip=clip, text="").out() if self._pad else None
        return self._plan.graph.node("ProbePrompt", file=self._plan.file, parts=json.dumps(parts), empty=empty).out()


def _of_first(record: dict[str, Any], key: str, which: str = "") -> list[dict[str, Any]]:
    """What is recorded for the first picture: of a prompt its AND parts, of a negative prompt its schedule."""
    images = record[key]
    if any(image != images[0] for image in images):
        raise NotMappedError(f"{which}prompt=<another for every picture of the batch>")
    return images[0]


def _spans(schedule: list[dict[str, Any]], group: int, weight: float) -> list[dict[str, Any]]:
    """Every entry of one schedule, from the call after its predecessor's end."""
    spans, start = [], 0
    for entry in schedule:
        end = entry["end_at_step"]
        spans.append({"key": entry["embedding"], "group": group, "weight": weight, "first": start, "last": end})
        start = end + 1
    return spans
