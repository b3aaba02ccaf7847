"""Prompts whose editing counts steps that only the sampling pass knows: they are encoded when it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ...hires.prompts.counting import CountedPass, Counting
from ...hires.prompts.grammar import PassSteps
from ...hires.prompts.passes import PART_KEY, PromptPart, counts_steps, without_comments, without_extra_networks
from .text import Conditioning, TextError, TextSettings, can_encode, encode_prompt

LATER_KEY = "hires_fix_later"
"""Key under which a conditioning brings the prompt that it stands for."""

_ONE_STEP = PassSteps(1)
"""As good as any other number for a text without editing."""

_KEPT = 4
"""Countings of a prompt whose encodings are kept: two passes, and the two before a change."""


class _Prompt:
    """A text with its text encoder. Nodes that copy a conditioning share it."""

    def __init__(self, clip: Any, text: str, counting: Counting, settings: TextSettings) -> None:
        self._clip, self._text, self._counting, self._settings = clip, text, counting, settings
        self._encoded: dict[PassSteps, Conditioning] = {}

    def __deepcopy__(self, memo: Any) -> _Prompt:
        return self

    def encoded(self, of: CountedPass) -> Conditioning:
        """The prompt for a pass, see `encode_prompt`."""
        steps = self._counting.steps_in(of)
        assert steps is not None
        if steps not in self._encoded:
            while len(self._encoded) >= _KEPT:
                del self._encoded[next(iter(self._encoded))]
            self._encoded[steps] = encode_prompt(self._clip, self._text, steps, self._settings)
        return self._encoded[steps]


@dataclass(frozen=True)
class _Later:
    """What an entry stands for: one of the prompts joined by AND."""

    prompt: _Prompt
    group: int
    tensor: torch.Tensor
    extra: dict[str, Any]
    """The entry as it was made: what is different by now, other nodes have changed."""


class _NoPass(dict[str, Any]):
    """In the place where the host's samplers keep what they make of an entry, which they copy before they do.

    The node that encodes looks for them, too, but does not run when it is cached.
    """

    def copy(self) -> dict[str, Any]:
        raise TextError(
            "the text of A1111 Prompt has editing in [brackets] that counts the steps of its pass, and this sampler "
            "cannot tell how many it has. Set steps, sampler_name and for_pass in A1111 Prompt, or sample with Base "
            "Sampling and Second Sampling."
        )


def encode_for_pass(clip: Any, text: str, counting: Counting, settings: TextSettings) -> Conditioning:
    """Encode a prompt, now if all that it depends on is told, else when a pass asks by `for_pass`.

    Until then it is without editing, and has one entry for each part joined by AND: how it begins.

    Raises:
        TextError: see `encode_prompt`.
    """
    steps = counting.steps_in(None)
    if steps is None and is_for_later(clip, text, counting, settings):
        prompt = _Prompt(clip, text, counting, settings)
        starts = encode_prompt(clip, text, PassSteps(20), settings)
        return _marked(prompt, [entry for entry in starts if entry[1][PART_KEY].first_step == 0])
    return encode_prompt(clip, text, steps or _ONE_STEP, settings)


def is_for_later(clip: Any, text: str, counting: Counting, settings: TextSettings) -> bool:
    """Whether a prompt has editing that counts steps which only its pass knows."""
    if counting.steps_in(None) is not None or not can_encode(clip):
        return False
    read = without_comments(text)
    return counts_steps(read if settings.negative else without_extra_networks(read)[0], settings.negative)


def _marked(prompt: _Prompt, entries: Conditioning) -> Conditioning:
    marked = []
    for tensor, extra in entries:
        part: PromptPart = extra[PART_KEY]
        own = {key: value for key, value in extra.items() if key not in ("start_percent", "end_percent")}
        own[PART_KEY] = PromptPart(part.group, part.weight, 0, part.last_step)
        later = _Later(prompt, part.group, tensor, own)
        marked.append([tensor, {**own, LATER_KEY: later, "model_conds": _NoPass()}])
    return marked


def for_pass(cond: Conditioning, of: CountedPass, input_name: str) -> Conditioning:
    """Return a CONDITIONING as a pass needs it; what other nodes have put on it, as areas and masks, stays.

    Raises:
        TextError: another node has changed the encoding itself of a prompt that waits for its pass.
    """
    return [entry for tensor, extra in cond for entry in _entries(tensor, extra, of, input_name)]


def _entries(tensor: torch.Tensor, extra: dict[str, Any], of: CountedPass, input_name: str) -> Conditioning:
    later = extra.get(LATER_KEY)
    if not isinstance(later, _Later):
        return [[tensor, extra]]
    # a GUIDER's entries need the key
    extra = {key: {} if isinstance(value, _NoPass) else value for key, value in extra.items()}
    if tensor is not later.tensor and not torch.equal(tensor, later.tensor):
        if not torch.count_nonzero(tensor):  # zeros for every step
            return [[tensor, {key: value for key, value in extra.items() if key != LATER_KEY}]]
        raise TextError(
            "another node has changed the encoding of A1111 Prompt, whose text has editing in [brackets] that counts "
            "the steps of its pass. Set steps, sampler_name and for_pass in A1111 Prompt.",
            input_name,
        )
    changed = {key: value for key, value in extra.items() if key not in later.extra or later.extra[key] is not value}
    changed.pop(LATER_KEY)
    mine = [entry for entry in later.prompt.encoded(of) if entry[1][PART_KEY].group == later.group]
    return [[encoded, {**own, **changed}] for encoded, own in mine]
