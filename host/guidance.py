"""A1111's guidance where it differs from ComfyUI's: prompts that change by step, AND, skipped negatives, a refiner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.sampler_helpers
import comfy.samplers
import torch

from ..hires.prompts import PART_KEY, PromptPart
from ..hires.schedules import SigmaTable
from ..hires.settings import A1111Settings
from .text import EMPTY_KEY

CFG_PLUS_SCALE = 12.5
"""DDIM CFG++ divides the cfg by this, so that usual values suit it."""


@dataclass(frozen=True)
class Refiner:
    """A second model that takes over on the way."""

    model: Any
    positive: Any
    negative: Any

    switch_at: float
    """Share of the way, 0 to 1, after which it takes over."""

    by_steps: bool = False
    """Count the way in model calls; else in training timesteps."""


class A1111Guider(comfy.samplers.CFGGuider):
    """Classifier-free guidance with A1111's rules. Steps are model calls, counted from 0 in each pass."""

    def __init__(self, model: Any, settings: A1111Settings, table: SigmaTable, total_calls: int) -> None:
        super().__init__(model)
        self._settings, self._table, self._total_calls = settings, table, total_calls
        self.refiner: Refiner | None = None
        self.counts_timesteps = False
        """The sampler walks over timesteps, and A1111 compares those, not sigmas."""

        self.guidance_plus = False
        """CFG++: divide the cfg, and always keep the prediction without the prompt."""

        self._last_unguided: torch.Tensor | None = None

    def last_unguided(self) -> torch.Tensor:
        """Return the picture last predicted without the prompt."""
        assert self._last_unguided is not None
        return self._last_unguided

    def set_conds(self, positive: Any, negative: Any) -> None:
        """Take the prompts; the entries of scheduled ones are chosen by step here, not by the host's percentages."""
        super().set_conds(*_padded(_without_percentages(positive), _without_percentages(negative)))

    def inner_sample(
        self,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        device: Any,
        sampler: Any,
        sigmas: torch.Tensor,
        denoise_mask: Any,
        callback: Any,
        disable_pbar: bool,
        seed: int,
        latent_shapes: Any = None,
    ) -> torch.Tensor:
        """Remember what the refiner's prompts must be prepared with."""
        self._calls = 0
        self._refining: tuple[Any, dict[str, Any], list[Any]] | None = None
        self._context = (noise, device, latent_image, denoise_mask, seed, latent_shapes)
        try:
            return super().inner_sample(
                noise, latent_image, device, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, latent_shapes
            )
        finally:
            del self._context
            if self._refining:
                comfy.sampler_helpers.cleanup_models(self._refining[1], self._refining[2])
                self._refining = None

    def predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """Denoise once."""
        step, sigma, options = self._calls, timestep[0], model_options or {}
        self._calls += 1
        model, conds = self._model_for(step, sigma)
        groups = _active(conds.get("positive") or [], step)
        negative = [entry for entries, _ in _active(conds.get("negative") or [], step) for entry in entries]
        cfg = self.cfg / CFG_PLUS_SCALE if self.guidance_plus else self.cfg
        if self._skips_negative(step, sigma):
            cfg, groups = 1.0, groups[:1]
        if len(groups) == 1 and groups[0][1] == 1 and not self.guidance_plus:
            return comfy.samplers.sampling_function(model, x, timestep, negative, groups[0][0], cfg, options, seed)
        batches = [entries for entries, _ in groups]
        *parts, unguided = comfy.samplers.calc_cond_batch(model, [*batches, negative], x, timestep, options)
        guided = unguided + sum(weight * (part - unguided) for part, (_, weight) in zip(parts, groups, strict=True))
        self._last_unguided = unguided
        return comfy.samplers.cfg_function(
            model, guided, unguided, cfg, x, timestep, model_options=options, cond=batches[0], uncond=negative
        )

    def _skips_negative(self, step: int, sigma: torch.Tensor) -> bool:
        settings = self._settings
        if settings.skip_early_cond > 0 and step / self._total_calls <= settings.skip_early_cond:
            return True
        level = float(self._table.sigma_to_t(sigma.cpu())) if self.counts_timesteps else float(sigma)
        return level < settings.s_min_uncond and (step % 2 == 1 or settings.s_min_uncond_all)

    def _model_for(self, step: int, sigma: torch.Tensor) -> tuple[Any, dict[str, Any]]:
        refiner = self.refiner
        if refiner is None:
            return self.inner_model, self.conds
        if self._refining is None:
            if refiner.by_steps:
                way = step / self._total_calls
            else:
                entry = int((self._table.sigmas - sigma.cpu()).abs().argmin())
                way = (len(self._table.sigmas) - 1 - entry) / len(self._table.sigmas)
            if way < refiner.switch_at:
                return self.inner_model, self.conds
            self._refining = self._load_refiner(refiner)
        return self._refining[0], self._refining[1]

    def _load_refiner(self, refiner: Refiner) -> tuple[Any, dict[str, Any], list[Any]]:
        noise, device, latent, mask, seed, shapes = self._context
        prompts = _padded(_without_percentages(refiner.positive), _without_percentages(refiner.negative))
        conds = {
            name: comfy.sampler_helpers.convert_cond(cond)
            for name, cond in zip(("positive", "negative"), prompts, strict=True)
        }
        options = refiner.model.model_options
        model, conds, loaded = comfy.sampler_helpers.prepare_sampling(refiner.model, noise.shape, conds, options)
        refiner.model.pre_run()
        prepared = comfy.samplers.process_conds(model, noise, conds, device, latent, mask, seed, latent_shapes=shapes)
        return model, prepared, loaded


def needs_a1111_guidance(positive: Any, negative: Any, settings: A1111Settings, refiner: Refiner | None) -> bool:
    """Whether anything here differs from the host's own guider, which is cheaper."""
    marked = any(PART_KEY in extra or EMPTY_KEY in extra for _, extra in (*positive, *negative))
    return marked or refiner is not None or settings.s_min_uncond > 0 or settings.skip_early_cond > 0


def _without_percentages(cond: Any) -> Any:
    """Scheduled entries carry the host's percentages as well, for core's samplers."""
    return [
        [
            tensor,
            {k: v for k, v in extra.items() if k not in ("start_percent", "end_percent")}
            if PART_KEY in extra
            else extra,
        ]
        for tensor, extra in cond
    ]


def _padded(positive: Any, negative: Any) -> tuple[Any, Any]:
    """A1111's `pad_cond_uncond`: fill the shorter prompt up with chunks of the empty one, if the node asked for it."""
    empty = next((extra[EMPTY_KEY] for _, extra in (*positive, *negative) if EMPTY_KEY in extra), None)
    if empty is None:
        return positive, negative
    missing = (positive[0][0].shape[1] - negative[0][0].shape[1]) // empty.shape[1]

    def fill(cond: Any, chunks: int) -> Any:
        return [[torch.cat([tensor, *[empty.to(tensor)] * chunks], dim=1), extra] for tensor, extra in cond]

    return fill(positive, max(0, -missing)), fill(negative, max(0, missing))


def _active(entries: list[dict[str, Any]], step: int) -> list[tuple[list[dict[str, Any]], float]]:
    """Group the entries that apply at a step by AND part: `[(entries, weight)]`."""
    groups: dict[int, list[tuple[dict[str, Any], PromptPart | None]]] = {}
    for entry in entries:
        part: PromptPart | None = entry.get(PART_KEY)
        groups.setdefault(part.group if part else 0, []).append((entry, part))
    active = []
    for members in groups.values():
        now = [(e, part) for e, part in members if part is None or part.first_step <= step <= part.last_step]
        chosen = now or members[:1]
        part = chosen[0][1]
        active.append(([entry for entry, _ in chosen], part.weight if part else 1.0))
    return active
