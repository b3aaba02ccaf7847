"""Prompts as A1111 encodes them, on the host's text encoders."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import comfy.model_management
import torch
from comfy.sd1_clip import SD1ClipModel
from comfy.sdxl_clip import SDXLClipModel, SDXLRefinerClipModel
from comfy.text_encoders.sd2_clip import SD2ClipModel

from ...hires.errors import InputError
from ...hires.prompts.chunks import Chunk, SpecialTokens, TokenRun, empty_chunk, pack
from ...hires.prompts.embeddings import MARK
from ...hires.prompts.grammar import PassSteps
from ...hires.prompts.passes import (
    PART_KEY,
    PromptPart,
    SubPrompt,
    plan_negative,
    plan_prompt,
    without_comments,
    without_extra_networks,
)
from ...hires.prompts.weights import Weighted, apply_weights, parse_weights
from .embeddings import NamedEmbeddings

log = logging.getLogger("hires-fix")

EMPTY_KEY = "hires_fix_empty_prompt"
"""Key under which a conditioning brings the empty prompt's encoding, `(1, 77, width)`, to be padded with."""

Conditioning = list[list[Any]]


class TextError(InputError):
    """A text encoder that cannot be used."""


@dataclass(frozen=True)
class TextSettings:
    """A1111's options that decide how a text is encoded."""

    clip_skip: int = 1
    """1 is the last layer. SD1 only, as in A1111: SD2 and SDXL always use the layer they were trained with."""

    emphasis: str = "Original"
    """One of `hires.prompts.weights.EMPHASIS_MODES`."""

    comma_padding_backtrack: int = 20
    """See `hires.prompts.chunks.pack`."""

    negative: bool = False
    """The text is a negative prompt: no AND, tags stay in the text, and SDXL gets zeros when it is empty."""

    pad_cond_uncond: bool = False
    """Bring the empty prompt along (`EMPTY_KEY`)."""


@dataclass(frozen=True)
class _Encoder:
    """One text encoder inside a CLIP: "l", "h" or "g"."""

    key: str
    tokenizer: Any
    width: int
    embeddings: NamedEmbeddings

    @property
    def special(self) -> SpecialTokens:
        comma = self.tokenizer.tokenizer.get_vocab().get(",</w>")
        return SpecialTokens(self.tokenizer.start_token, self.tokenizer.end_token, self.tokenizer.pad_token, comma)

    def tokenize(self, run: Weighted) -> TokenRun:
        """Token ids of a run of text, and the vectors of the embeddings in it, by `embedding:name` or the bare name."""
        comfy.model_management.throw_exception_if_processing_interrupted()  # a prompt may have any number of runs
        if MARK not in run.text:
            ids = self.tokenizer.tokenizer(run.text)["input_ids"][1:-1]
            return TokenRun(self.embeddings.put_in([[token] for token in ids], self.tokenizer), run.weight)
        groups: list[list[Any]] = []
        last_word = 0
        for batch in self.tokenizer.tokenize_with_weights(run.text, return_word_ids=True, disable_weights=True):
            for token, _, word in batch:
                if word == 0:  # start, end and padding
                    continue
                if isinstance(token, torch.Tensor) and word == last_word:
                    groups[-1].append(token)
                else:
                    groups.append([token])
                last_word = word
        return TokenRun(self.embeddings.put_in(groups, self.tokenizer), run.weight)

    def chunks(self, text: str, settings: TextSettings) -> list[Chunk]:
        """The text in chunks of 77 tokens."""
        runs = [Weighted(text)] if settings.emphasis == "None" else parse_weights(text)
        reads_breaks = settings.emphasis != "None"
        tokens = (TokenRun([], is_break=True) if reads_breaks and run.is_break else self.tokenize(run) for run in runs)
        return pack(tokens, self.special, settings.comma_padding_backtrack)


def encode_prompt(clip: Any, text: str, steps: PassSteps, settings: TextSettings) -> Conditioning:
    """Encode a prompt with A1111's syntax.

    Args:
        clip: a CLIP of SD1, SD2, SDXL or the SDXL refiner. Any other gets the text as it is, through the host.
        steps: how the steps of prompt editing are counted.

    Returns:
        One entry for each AND part and each text of its schedule: `(1, 77 * chunks, width)`, with a `PromptPart`
        under `PART_KEY`. All have the same number of tokens; shorter AND parts repeat their last vector, as in A1111.

    Raises:
        TextError: no text encoder.
    """
    if clip is None:
        raise TextError("the checkpoint has no text encoder. Connect the CLIP of another loader.", "clip")
    encoders = _encoders(clip)
    if not encoders:
        log.info("A1111's prompt syntax is for SD1, SD2 and SDXL; this text encoder gets the text unchanged.")
        return clip.encode_from_tokens_scheduled(clip.tokenize(text))
    if settings.clip_skip > 1 and encoders[0].key == "l" and len(encoders) == 1:
        clip = clip.clone()
        clip.clip_layer(-settings.clip_skip)
    text = without_comments(text)
    if settings.negative:
        plan = plan_negative(text, steps)
    else:
        text, _ = without_extra_networks(text)
        plan = plan_prompt(text, steps)
    groups = [_encode_schedule(clip, encoders, sub, settings) for sub in plan]
    if settings.negative and len(encoders) == 2 and not any(words for _, words in plan[0].schedule):
        groups = [[(torch.zeros_like(cond), _zeros(extra)) for cond, extra in entries] for entries in groups]
    if settings.pad_cond_uncond:
        empty = _encode_schedule(clip, encoders, SubPrompt(1.0, [(steps.total, "")]), settings)[0][0]
        groups = [[(cond, {**extra, EMPTY_KEY: empty}) for cond, extra in entries] for entries in groups]
    length = max(cond.shape[1] for entries in groups for cond, _ in entries)
    return [
        [_lengthened(cond, length), {**extra, **_when(part, len(entries), steps)}]
        for index, (sub, entries) in enumerate(zip(plan, groups, strict=True))
        for (cond, extra), part in zip(entries, sub.parts(index), strict=True)
    ]


def left_out(text: str) -> str | None:
    """What to say of a prompt's tags, which load nothing here; None where there are none."""
    _, tags = without_extra_networks(without_comments(text))
    if not tags:
        return None
    said = f"left out of the prompt: {' '.join(tags)}. LoRAs in Prompt loads such tags."
    log.warning(said)
    return said


def can_encode(clip: Any) -> bool:
    """Whether a CLIP is of a family that A1111's syntax is for; others get the text as it is."""
    return clip is not None and bool(_encoders(clip))


def _encoders(clip: Any) -> list[_Encoder]:
    """The CLIP's encoders in the order in which their outputs are joined; none for families that are not A1111's."""
    model = clip.cond_stage_model
    keys = {SD1ClipModel: "l", SD2ClipModel: "h", SDXLClipModel: "lg", SDXLRefinerClipModel: "g"}.get(type(model), "")
    parts = [
        (
            getattr(clip.tokenizer, f"clip_{key}"),
            getattr(model, f"clip_{key}").transformer.get_input_embeddings().weight.shape[1],
        )
        for key in keys
    ]
    embeddings = NamedEmbeddings(parts)
    return [_Encoder(key, *part, embeddings) for key, part in zip(keys, parts, strict=True)]


def _encode_schedule(
    clip: Any, encoders: list[_Encoder], sub: SubPrompt, settings: TextSettings
) -> list[tuple[torch.Tensor, dict[str, Any]]]:
    """Encode all texts of a schedule together: they get the same number of chunks, and share the mean of emphasis."""
    counts = Counter(words for _, words in sub.schedule)
    chunks = [[encoder.chunks(words, settings) for words in counts] for encoder in encoders]
    length = max(len(of_text) for of_encoder in chunks for of_text in of_encoder)
    for encoder, of_encoder in zip(encoders, chunks, strict=True):
        for of_text in of_encoder:
            of_text.extend(empty_chunk(encoder.special) for _ in range(length - len(of_text)))

    encoded, extras = [], []
    for index in range(len(counts)):
        comfy.model_management.throw_exception_if_processing_interrupted()
        tokens = {
            encoder.key: [[(token, 1.0) for token in chunk.tokens] for chunk in of_encoder[index]]
            for encoder, of_encoder in zip(encoders, chunks, strict=True)
        }
        out = clip.encode_from_tokens(tokens, return_pooled=True, return_dict=True)
        encoded.append(out.pop("cond").unflatten(1, (length, -1))[0])
        extras.append(out)
    z = torch.stack(encoded, dim=1)  # chunk, text, token, width

    repeats = torch.tensor(list(counts.values()), dtype=torch.float64)
    weighted = []
    for part, of_encoder in zip(z.split([encoder.width for encoder in encoders], dim=-1), chunks, strict=True):
        weights = torch.tensor([[chunk.weights for chunk in of_text] for of_text in of_encoder])
        by_chunk = [apply_weights(part[i], weights[:, i], repeats, settings.emphasis) for i in range(length)]
        weighted.append(torch.cat(by_chunk, dim=1))
    z = torch.cat(weighted, dim=-1)
    where = {words: index for index, words in enumerate(counts)}
    return [(z[where[words]][None], extras[where[words]]) for _, words in sub.schedule]


def _zeros(extra: dict[str, Any]) -> dict[str, Any]:
    return {**extra, "pooled_output": torch.zeros_like(extra["pooled_output"])}


def _lengthened(cond: torch.Tensor, length: int) -> torch.Tensor:
    return torch.cat([cond, cond[:, -1:].expand(-1, length - cond.shape[1], -1)], dim=1)


def _when(part: PromptPart, entries: int, steps: PassSteps) -> dict[str, Any]:
    """The part itself, and for the host's own samplers about the same as fractions of the sampling."""
    if entries == 1:
        return {PART_KEY: part}
    start, end = min(part.first_step / steps.total, 1.0), min((part.last_step + 1) / steps.total, 1.0)
    return {PART_KEY: replace(part, percents=(start, end)), "start_percent": start, "end_percent": end}
