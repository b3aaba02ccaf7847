"""A1111's guidance where it differs from ComfyUI's: prompts that change by step, AND, skipped negatives, a refiner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import comfy.model_patcher
import comfy.patcher_extension
import comfy.sampler_helpers
import comfy.samplers
import torch

from ...hires.sampling.menus import Sampler
from ...hires.sampling.schedules import SigmaTable
from ...hires.sampling.settings import A1111Settings
from .guidance import Prompts, Refiner
from .prompt_entries import Entry, Group, active, is_marked, prepared

CFG_PLUS_SCALE = 12.5
"""DDIM CFG++ divides the cfg by this, so that usual values suit it."""


@dataclass(frozen=True)
class _Loaded:
    """The refiner, ready to denoise."""

    patcher: Any
    model: Any
    conds: dict[str, Any]
    options: dict[str, Any]
    """Its own MODEL's: CFG functions, attention patches, wrappers."""

    helpers: list[Any]
    """Models that its prompts brought along."""

    def unload(self) -> None:
        comfy.sampler_helpers.cleanup_models(self.conds, self.helpers)
        comfy.samplers.cast_to_load_options(self.options, device=self.patcher.offload_device)
        self.patcher.cleanup()
        self.patcher.restore_hook_patches()


class A1111Guider(comfy.samplers.CFGGuider):
    """Classifier-free guidance with A1111's rules. Steps are model calls, counted from 0 in each pass."""

    def __init__(
        self, prompts: Prompts, sampler: Sampler, settings: A1111Settings, table: SigmaTable, total_calls: int
    ) -> None:
        """`prompts` with models that denoise as A1111 does; `total_calls`: model calls of the pass."""
        super().__init__(prompts.model)
        self.set_conds(*prepared(prompts.positive, prompts.negative))
        self.set_cfg(prompts.cfg)
        self._sampler, self._settings, self._table, self._total_calls = sampler, settings, table, total_calls
        self._refiner = prompts.refiner
        self._refining: _Loaded | None = None
        self._calls = 0
        self._last_unguided: torch.Tensor | None = None

    def last_unguided(self) -> torch.Tensor:
        """Return the picture last predicted without the prompt."""
        assert self._last_unguided is not None
        return self._last_unguided

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
        self._calls, self._refining = 0, None
        self._context = (noise, device, latent_image, sigmas, denoise_mask, seed, latent_shapes)
        try:
            return super().inner_sample(
                noise, latent_image, device, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, latent_shapes
            )
        finally:
            del self._context
            if self._refining:
                self._refining.unload()
                self._refining = None

    def outer_predict_noise(
        self, x: torch.Tensor, timestep: torch.Tensor, model_options: dict[str, Any] | None = None, seed: Any = None
    ) -> torch.Tensor:
        """Denoise once, with the options and wrappers of the model whose turn it is."""
        refiner = self._refiner
        if refiner and self._refining is None and self._takes_over(refiner, self._calls, timestep[0]):
            self._refining = self._load(refiner)
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
        groups = active(conds.get("positive") or [], step, sigma)
        negative = [entry for entries, _ in active(conds.get("negative") or [], step, sigma) for entry in entries]
        cfg = self.cfg / CFG_PLUS_SCALE if self._sampler.guidance_plus else self.cfg
        if self._skips_negative(step, sigma):
            cfg, groups = 1.0, groups[:1]
        if len(groups) == 1 and groups[0][1] == 1 and not self._sampler.guidance_plus:
            return comfy.samplers.sampling_function(model, x, timestep, negative, groups[0][0], cfg, options, seed)
        denoised, self._last_unguided = _composed(model, x, timestep, groups, negative, cfg, options)
        return denoised

    def _skips_negative(self, step: int, sigma: torch.Tensor) -> bool:
        settings = self._settings
        if settings.skip_early_cond > 0 and step / self._total_calls <= settings.skip_early_cond:
            return True
        # A1111 compares what the sampler walks over
        level = float(self._table.sigma_to_t(sigma.cpu())) if self._sampler.walks_timesteps else float(sigma)
        return level < settings.s_min_uncond and (step % 2 == 1 or settings.s_min_uncond_all)

    def _takes_over(self, refiner: Refiner, step: int, sigma: torch.Tensor) -> bool:
        if refiner.by_steps:
            return step / self._total_calls >= refiner.switch_at
        entry = int((self._table.sigmas - sigma.cpu()).abs().argmin())
        return (len(self._table.sigmas) - 1 - entry) / len(self._table.sigmas) >= refiner.switch_at

    def _load(self, refiner: Refiner) -> _Loaded:
        """Do for the refiner what the host has done for the pass's own model."""
        patcher = refiner.model
        noise, device, latent, sigmas, mask, seed, shapes = self._context
        prompts = prepared(refiner.positive, refiner.negative)
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
        processed = comfy.samplers.process_conds(model, noise, conds, device, latent, mask, seed, latent_shapes=shapes)
        return _Loaded(patcher, model, processed, options, helpers)


def _composed(
    model: Any,
    x: torch.Tensor,
    timestep: torch.Tensor,
    groups: list[Group],
    negative: list[Entry],
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
    guided = unguided + _weighted_sum(weights, [part - unguided for part in parts])
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
    shares = [abs(weight) / total for weight in weights]
    for hook in after:
        same = {**shared, "uncond": negative, "uncond_denoised": unguided, "cond_scale": cfg, "denoised": denoised}
        denoised = _weighted_sum(
            shares,
            (
                hook({**same, "cond": entries, "cond_denoised": part})
                for entries, part in zip(batches, seen, strict=True)
            ),
        )
    return denoised, unguided


def _weighted_sum(weights: list[float], tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return reduce(torch.add, (weight * tensor for weight, tensor in zip(weights, tensors, strict=True)))


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


def _covered(entries: list[Entry], x: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """Where a part applies, by its areas and masks; elsewhere the host has zeros for it. `bool`, shaped like `x`."""
    if any("default" in entry or not ("area" in entry or "mask" in entry) for entry in entries):
        return torch.ones_like(x, dtype=torch.bool)
    covered = torch.zeros_like(x, dtype=torch.bool)
    for entry in entries:
        applied = comfy.samplers.get_area_and_mult(entry, x, timestep)
        if applied is None:
            continue
        place, area = covered, applied.area or []
        for axis in range(len(area) // 2):
            place = place.narrow(axis + 2, area[axis + len(area) // 2], area[axis])
        place |= applied.mult != 0
    return covered


def needs_a1111_guider(prompts: Prompts, sampler: Sampler, settings: A1111Settings) -> bool:
    """Whether anything here differs from the host's own guider, which is cheaper."""
    return (
        sampler.guidance_plus
        or prompts.refiner is not None
        or settings.s_min_uncond > 0
        or settings.skip_early_cond > 0
        or is_marked(prompts.positive, prompts.negative)
    )
