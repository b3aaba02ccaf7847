"""A1111's guidance where it differs from ComfyUI's: prompts that change by step, AND, skipped negatives, a refiner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.model_patcher
import comfy.patcher_extension
import comfy.sampler_helpers
import comfy.samplers
import torch

from ...hires.prompts.passes import PART_KEY, PromptPart
from ...hires.sampling.schedules import SigmaTable
from ...hires.sampling.settings import A1111Settings
from ..prompts.text import EMPTY_KEY

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


@dataclass(frozen=True)
class _Loaded:
    """The refiner, ready to denoise."""

    model: Any
    conds: dict[str, Any]
    options: dict[str, Any]
    """Its own MODEL's: CFG functions, attention patches, wrappers."""

    helpers: list[Any]
    """Models that its prompts brought along."""


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
        self._refining: _Loaded | None = None
        self._context = (noise, device, latent_image, sigmas, denoise_mask, seed, latent_shapes)
        try:
            return super().inner_sample(
                noise, latent_image, device, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, latent_shapes
            )
        finally:
            del self._context
            if self._refining:
                self._unload_refiner(self._refining)
                self._refining = None

    def outer_predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """Denoise once, with the options and wrappers of the model whose turn it is."""
        if self._refining is None and self._refiner_takes_over(self._calls, timestep[0]):
            self._refining = self._load_refiner()
        options = self._refining.options if self._refining else model_options or {}
        wrappers = comfy.patcher_extension.get_all_wrappers(
            comfy.patcher_extension.WrappersMP.PREDICT_NOISE, options, is_model_options=True
        )
        predict = comfy.patcher_extension.WrapperExecutor.new_class_executor(self.predict_noise, self, wrappers)
        try:
            return predict.execute(x, timestep, options, seed)
        finally:
            self._calls += 1

    def predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """Predict the picture in `x`."""
        step, sigma, options = self._calls, timestep[0], model_options or {}
        model, conds = (
            (self._refining.model, self._refining.conds) if self._refining else (self.inner_model, self.conds)
        )
        groups = _active(conds.get("positive") or [], step, sigma)
        negative = [entry for entries, _ in _active(conds.get("negative") or [], step, sigma) for entry in entries]
        cfg = self.cfg / CFG_PLUS_SCALE if self.guidance_plus else self.cfg
        if self._skips_negative(step, sigma):
            cfg, groups = 1.0, groups[:1]
        if len(groups) == 1 and groups[0][1] == 1 and not self.guidance_plus:
            return comfy.samplers.sampling_function(model, x, timestep, negative, groups[0][0], cfg, options, seed)
        denoised, self._last_unguided = _composed(model, x, timestep, groups, negative, cfg, options)
        return denoised

    def _skips_negative(self, step: int, sigma: torch.Tensor) -> bool:
        settings = self._settings
        if settings.skip_early_cond > 0 and step / self._total_calls <= settings.skip_early_cond:
            return True
        level = float(self._table.sigma_to_t(sigma.cpu())) if self.counts_timesteps else float(sigma)
        return level < settings.s_min_uncond and (step % 2 == 1 or settings.s_min_uncond_all)

    def _refiner_takes_over(self, step: int, sigma: torch.Tensor) -> bool:
        if self.refiner is None:
            return False
        if self.refiner.by_steps:
            return step / self._total_calls >= self.refiner.switch_at
        entry = int((self._table.sigmas - sigma.cpu()).abs().argmin())
        return (len(self._table.sigmas) - 1 - entry) / len(self._table.sigmas) >= self.refiner.switch_at

    def _load_refiner(self) -> _Loaded:
        """Do for the refiner what the host has done for the pass's own model."""
        assert self.refiner is not None
        patcher = self.refiner.model
        noise, device, latent, sigmas, mask, seed, shapes = self._context
        prompts = _padded(_without_percentages(self.refiner.positive), _without_percentages(self.refiner.negative))
        conds = {
            name: comfy.sampler_helpers.convert_cond(cond)
            for name, cond in zip(("positive", "negative"), prompts, strict=True)
        }
        options = comfy.model_patcher.create_model_options_clone(patcher.model_options)
        options.setdefault("transformer_options", {})["sample_sigmas"] = sigmas
        comfy.samplers.preprocess_conds_hooks(conds)
        comfy.sampler_helpers.prepare_model_patcher(patcher, conds, options)
        comfy.samplers.filter_registered_hooks_on_conds(conds, options)
        model, conds, helpers = comfy.sampler_helpers.prepare_sampling(patcher, noise.shape, conds, options)
        comfy.samplers.cast_to_load_options(options, device=device, dtype=patcher.model_dtype())
        patcher.pre_run()
        prepared = comfy.samplers.process_conds(model, noise, conds, device, latent, mask, seed, latent_shapes=shapes)
        return _Loaded(model, prepared, options, helpers)

    def _unload_refiner(self, loaded: _Loaded) -> None:
        assert self.refiner is not None
        patcher = self.refiner.model
        comfy.sampler_helpers.cleanup_models(loaded.conds, loaded.helpers)
        comfy.samplers.cast_to_load_options(loaded.options, device=patcher.offload_device)
        patcher.cleanup()
        patcher.restore_hook_patches()


Group = tuple[list[dict[str, Any]], float]
"""The conditionings of one AND part, and its weight."""


def _composed(
    model: Any,
    x: torch.Tensor,
    timestep: torch.Tensor,
    groups: list[Group],
    negative: list[dict[str, Any]],
    cfg: float,
    options: dict[str, Any],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Guide by several prompts at once (Liu et al. 2022), with the hooks that a MODEL's options hold.

    Hooks before the guidance and the CFG function see the sum of the parts as one prompt. Hooks after it may run the
    model on the prompt again: they see each part with its own conditioning, and their results are averaged by weight.

    Returns:
        The guided picture, and the one without the prompts as the hooks before the guidance left it.
    """
    batches, weights = [entries for entries, _ in groups], [weight for _, weight in groups]
    *parts, unguided = _predictions(model, batches, negative, x, timestep, options)
    parts = [
        torch.where(_covered(entries, x, timestep), part, unguided)
        for entries, part in zip(batches, parts, strict=True)
    ]
    guided = unguided + sum(weight * (part - unguided) for part, weight in zip(parts, weights, strict=True))
    both = [guided, unguided]
    shared = {"timestep": timestep, "sigma": timestep, "input": x, "model": model, "model_options": options}
    for hook in options.get("sampler_pre_cfg_function", []):
        both = hook({**shared, "conds": [batches[0], negative], "conds_out": both, "cond_scale": cfg})
    guided, unguided = both[0], both[1]
    after = options.get("sampler_post_cfg_function", [])
    denoised = comfy.samplers.cfg_function(
        model,
        guided,
        unguided,
        cfg,
        x,
        timestep,
        model_options={**options, "sampler_post_cfg_function": []},
        cond=batches[0],
        uncond=negative,
    )
    seen = [guided] if weights == [1] else parts
    total = sum(abs(weight) for weight in weights) or 1.0
    for hook in after:
        same = {**shared, "uncond": negative, "uncond_denoised": unguided, "cond_scale": cfg, "denoised": denoised}
        denoised = sum(
            abs(weight) / total * hook({**same, "cond": entries, "cond_denoised": part})
            for entries, weight, part in zip(batches, weights, seen, strict=True)
        )
    return denoised, unguided


def _predictions(
    model: Any, batches: list[Any], negative: Any, x: torch.Tensor, timestep: torch.Tensor, options: dict[str, Any]
) -> list[torch.Tensor]:
    """The picture as each part and, last, the negative prompt sees it."""
    own = options.get("sampler_calc_cond_batch_function")
    if own is None:
        return comfy.samplers.calc_cond_batch(model, [*batches, negative], x, timestep, options)
    # a model patch in the host's place expects one prompt and one negative prompt
    shared = {"input": x, "sigma": timestep, "model": model, "model_options": options}
    pairs = [own({**shared, "conds": [entries, negative]}) for entries in batches]
    return [*(pair[0] for pair in pairs), pairs[0][1]]


def _covered(entries: list[dict[str, Any]], x: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """Where a part has something to say, by its areas and masks; elsewhere the host has zeros for it. Like `x`."""
    if any("default" in entry or not ("area" in entry or "mask" in entry) for entry in entries):
        return torch.ones_like(x, dtype=torch.bool)
    covered = torch.zeros_like(x, dtype=torch.bool)
    for entry in entries:
        found = comfy.samplers.get_area_and_mult(entry, x, timestep)
        if found is None:
            continue
        place, area = covered, found.area or []
        for axis in range(len(area) // 2):
            place = place.narrow(axis + 2, area[axis + len(area) // 2], area[axis])
        place |= found.mult != 0
    return covered


def needs_a1111_guidance(positive: Any, negative: Any, settings: A1111Settings, refiner: Refiner | None) -> bool:
    """Whether anything here differs from the host's own guider, which is cheaper."""
    marked = any(PART_KEY in extra or EMPTY_KEY in extra for _, extra in (*positive, *negative))
    return marked or refiner is not None or settings.s_min_uncond > 0 or settings.skip_early_cond > 0


def _without_percentages(cond: Any) -> Any:
    """Leave out the ranges that scheduled entries carry for the host's samplers; those set by a later node stay."""

    def own(extra: dict[str, Any]) -> bool:
        part = extra.get(PART_KEY)
        return part is not None and (extra.get("start_percent"), extra.get("end_percent")) == part.percents

    ranges = ("start_percent", "end_percent")
    return [
        [tensor, {k: v for k, v in extra.items() if k not in ranges} if own(extra) else extra] for tensor, extra in cond
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


def _active(entries: list[dict[str, Any]], step: int, sigma: torch.Tensor) -> list[Group]:
    """Group the entries that apply at a step by AND part: `[(entries, weight)]`.

    Parts of which nothing applies, because a later node has limited when, are left out.
    """
    groups: dict[int, list[tuple[dict[str, Any], PromptPart | None]]] = {}
    for entry in entries:
        part: PromptPart | None = entry.get(PART_KEY)
        groups.setdefault(part.group if part else 0, []).append((entry, part))
    active = []
    for members in groups.values():
        members = [(entry, part) for entry, part in members if _in_range(entry, sigma)]
        now = [(e, part) for e, part in members if part is None or part.first_step <= step <= part.last_step]
        chosen = now or members[:1]
        if chosen:
            part = chosen[0][1]
            active.append(([entry for entry, _ in chosen], part.weight if part else 1.0))
    return active or [([], 1.0)]


def _in_range(entry: dict[str, Any], sigma: torch.Tensor) -> bool:
    """Whether the host would take an entry at a sigma."""
    start, end = entry.get("timestep_start"), entry.get("timestep_end")
    return (start is None or bool(sigma <= start)) and (end is None or bool(sigma >= end))
