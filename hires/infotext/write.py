"""From settings to a generation text, in A1111's order and words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..sampling.menus import AUTOMATIC
from ..sampling.settings import DEFAULTS, INFOTEXT_KEYS
from .names import schedule_label
from .settings import GenerationSettings, HiresSettings, RefinerSettings
from .text import Infotext, Parameter

Row = tuple[str, Any]
"""Key and value; None and False are left out."""


def write_settings(settings: GenerationSettings, version: str = "", extra: Iterable[Parameter] = ()) -> Infotext:
    """The generation text of one picture; what is not known, and what is at A1111's default, is left out.

    Args:
        settings: of this picture; for others of its batch see `GenerationSettings.picture`.
        version: of the program that made it; A1111 reads its own as `v1.10.1`.
        extra: further parameters, such as `Lora hashes`, put before the version.
    """
    rows = [*base_rows(settings), *further_rows(settings)]
    parameters = [Parameter(key, shown(value)) for key, value in rows]
    parameters += extra
    if version:
        parameters.append(Parameter("Version", version))
    return Infotext(settings.prompt, settings.negative_prompt, tuple(parameters))


def base_rows(settings: GenerationSettings) -> list[Row]:
    """What every text has: steps, sampler, seed, size, models, and what varies them."""
    return _told(_base(settings))


def further_rows(settings: GenerationSettings) -> list[Row]:
    """Hires fix, settings that are not at their default, and the refiner."""
    return _told([*_hires(settings), *_options(settings), *_refiner(settings.refiner)])


def _told(rows: Iterable[Row]) -> list[Row]:
    return [(key, value) for key, value in rows if value is not None and value is not False]


def shown(value: Any) -> str:
    """Numbers as A1111's page sends them: 7, not 7.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _base(settings: GenerationSettings) -> list[Row]:
    checkpoint, vae, varied = settings.checkpoint, settings.vae, bool(settings.subseed_strength)
    return [
        ("Steps", settings.steps),
        ("Sampler", settings.sampler_name),
        ("Schedule type", schedule_label(settings.sampler_name, settings.scheduler)),
        ("CFG scale", settings.cfg_scale),
        ("Seed", settings.seed),
        ("Size", _sides(settings.width, settings.height)),
        ("Model hash", checkpoint.hash or None if checkpoint else None),
        ("Model", checkpoint.name if checkpoint else None),
        ("VAE hash", vae.hash or None if vae else None),
        ("VAE", vae.name if vae else None),
        ("Variation seed", settings.subseed if varied else None),
        ("Variation seed strength", settings.subseed_strength if varied else None),
        ("Seed resize from", _sides(settings.seed_resize_from_w or None, settings.seed_resize_from_h or None)),
        ("Denoising strength", settings.hires.denoising_strength if settings.hires else settings.denoising_strength),
        ("Clip skip", None if settings.clip_skip == 1 else settings.clip_skip),
        ("ENSD", settings.eta_noise_seed_delta or None),
        # A1111's GPU source depends on the card; NV is the same everywhere
        ("RNG", "NV" if settings.noise_source == "GPU" else settings.noise_source),
    ]


def _sides(width: int | None, height: int | None) -> str | None:
    return None if width is None or height is None else f"{width}x{height}"


def _hires(settings: GenerationSettings) -> list[Row]:
    hires = settings.hires
    if hires is None:
        return []
    resized = hires.hr_resize_x or hires.hr_resize_y
    return [
        ("Hires checkpoint", hires.hr_checkpoint),
        ("Hires sampler", hires.hr_sampler_name if hires.hr_sampler_name != settings.sampler_name else None),
        ("Hires prompt", hires.hr_prompt or None),
        ("Hires negative prompt", hires.hr_negative_prompt or None),
        ("Hires schedule type", _hires_schedule(settings, hires)),
        ("Hires CFG Scale", hires.hr_cfg),
        ("Hires upscale", None if resized else hires.hr_scale),
        ("Hires resize", f"{hires.hr_resize_x}x{hires.hr_resize_y}" if resized else None),
        ("Hires steps", hires.hr_second_pass_steps or None),
        ("Hires upscaler", hires.hr_upscaler),
    ]


def _hires_schedule(settings: GenerationSettings, hires: HiresSettings) -> str | None:
    """As A1111: only where it is another than the first pass's, and has a name."""
    first = schedule_label(settings.sampler_name, settings.scheduler)
    second = schedule_label(hires.hr_sampler_name or settings.sampler_name, hires.hr_scheduler or settings.scheduler)
    return None if second in (first, AUTOMATIC) else second


def _options(settings: GenerationSettings) -> list[Row]:
    options, hires = settings.options, settings.hires
    beta = "Beta" in (settings.scheduler, hires.hr_scheduler if hires else None)
    rows: list[Row] = [
        ("Emphasis", None if settings.emphasis == "Original" else settings.emphasis),
        ("Pad conds", settings.pad_cond_uncond),
    ]
    for key, name in INFOTEXT_KEYS.items():
        value = getattr(options, name)
        if value != DEFAULTS[name] or (beta and name.startswith("beta_dist")):
            # False is worth a word where the default is True
            rows.append((key, str(value) if isinstance(value, bool) else value))
    return rows


def _refiner(refiner: RefinerSettings | None) -> list[Row]:
    if refiner is None:
        return []
    return [
        ("Hires refiner", None if refiner.hires_pass == "second pass" else refiner.hires_pass),
        ("Refiner", refiner.checkpoint),
        ("Refiner switch at", refiner.switch_at),
        ("Refiner switch by sampling steps", refiner.by_steps),
    ]
