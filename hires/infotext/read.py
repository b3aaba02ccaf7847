"""From a generation text to settings, with A1111's rules for old texts and the words of Forge and SD.Next."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from ..amounts import number
from ..prompts.networks import with_tags
from ..sampling.menus import AUTOMATIC, SAMPLERS, UNIFORM, automatic_schedule
from ..sampling.settings import DEFAULTS, INFOTEXT_KEYS, NOISE_SCHEDULES, A1111Settings
from .loras import json_hashes, listed_loras
from .markdown import as_code
from .names import LOST, known_schedule, same_name, split_hash, split_sampler
from .settings import GenerationSettings, HiresSettings, ModelName, RefinerPass, RefinerSettings
from .text import NEGATIVE, Infotext, Parameter

_HIRES_KEYS = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler", "Hires scale", "Hires size")
"""Any of these says that hires fix was on."""

_ABOUT = (
    *("Version", "VAE hash", "TI hashes", "Lora hashes", "Hashes", "App", "Created Date", "User"),
    *("Template", "Negative template", "Batch size", "Batch pos"),
)
"""Keys that say nothing about how the picture is made."""

_NORMAL = "normal"  # ComfyUI's schedule where its savers name none
_ON_COMFYUI = ("ComfyUI", "Fooocus")  # versions that draw with ComfyUI's noise

_SIZE = re.compile(r"\(?(\d{1,9})\s*[x×*,]\s*(\d{1,9})\)?", re.IGNORECASE)
_VERSION = re.compile(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-(\d{1,9}))?")


@dataclass(frozen=True)
class Reading:
    """What was understood of a text, and what was not."""

    settings: GenerationSettings
    unused: tuple[Parameter, ...]
    notes: tuple[str, ...]
    """Parameters that no setting stands for, or whose value makes no sense; what had to be guessed, in sentences."""

    lora_hashes: Mapping[str, str] = field(default_factory=dict)
    """First digits of the hashes of LoRAs, by their names in small letters."""


class _Keys:
    """The parameters of a text; remembers which were used."""

    def __init__(self, infotext: Infotext) -> None:
        self._infotext = infotext
        self._used: set[str] = set()
        self.use(*_ABOUT)

    def has(self, *names: str) -> bool:
        return any(self._infotext.find(name) for name in names)

    def use(self, *names: str) -> None:
        self._used.update(found.key for name in names if (found := self._infotext.find(name)))

    def text(self, *names: str) -> str | None:
        return self.read(names, lambda value: value)

    def number(self, *names: str) -> float | None:
        return self.read(names, number)

    def whole(self, *names: str) -> int | None:
        return self.read(names, _whole)

    def size(self, *names: str) -> tuple[int, int] | None:
        return self.read(names, _size)

    def flag(self, name: str) -> bool:
        return bool(self.read((name,), _flag))

    def schedule(self, *names: str) -> str | None:
        """A schedule's name; SD.Next puts the classes of its samplers there."""
        return self.read(names, lambda value: None if value.endswith("Scheduler") else known_schedule(value) or None)

    def choice(self, name: str, known: tuple[str, ...]) -> str | None:
        return self.read((name,), lambda value: same_name(value, known))

    def model(self, *names: str) -> ModelName | None:
        """A model's title; the words that name none give None."""
        title = self.text(*names)
        if title is None or title.lower() in ("", "none", "automatic", "use same checkpoint", "default (model)"):
            return None
        return ModelName(*split_hash(title))

    def read(self, names: tuple[str, ...], convert: Callable[[str], Any]) -> Any:
        """The first of these names whose value `convert` takes; None leaves it unused."""
        for name in names:
            given = self._infotext.get(name)
            value = None if given in (None, LOST) else convert(given.strip())
            if value is not None:
                self.use(name)
                return value
        return None

    def unused(self) -> tuple[Parameter, ...]:
        return tuple(found for found in self._infotext.parameters if found.key not in self._used)


def read_settings(infotext: Infotext) -> Reading:
    """Understand as much as possible; nothing raises."""
    keys, notes = _Keys(infotext), []
    version = _version(infotext.get("Version"))
    sampler, scheduler = _sampling(keys, version, notes)
    width, height = keys.size("Size", "Resolution") or (keys.whole("Width"), keys.whole("Height"))
    hires = _hires(keys, sampler, scheduler, notes)
    old_size = keys.size("First pass size")
    if old_size and hires and width is not None and height is not None:
        hires = replace(hires, hr_resize_x=width, hr_resize_y=height)
        width, height = old_size if all(old_size) else _old_first_pass(width, height)
    if version and version < (1, 6, 0, 0) and "[" in infotext.prompt:
        notes.append("Before version 1.6, prompt editing in square brackets counted the hires steps otherwise.")
    if not infotext.negative_prompt and NEGATIVE in infotext.prompt:
        notes.append(
            f"The prompt has {NEGATIVE!r} inside of a line. A1111 draws what follows, too; so it was left there."
        )
    vae = keys.model("VAE", "VAE name")
    if vae and vae.name.upper() == "TAESD":  # SD.Next's name of the small decoder that previews are made with
        vae = None
        notes.append("The VAE TAESD is no file; the model's own is taken.")
    listed = listed_loras(infotext)
    modules = [found for found in infotext.parameters if re.fullmatch(r"Module \d+", found.key)]
    keys.use(*listed.keys, *(found.key for found in modules), "Diffusion in Low Bits")
    notes += [f"No prompt can name the LoRA {as_code(name)}; load it with **Load LoRA**." for name in listed.unnameable]
    if hires and hires.hr_prompt:
        hires = replace(hires, hr_prompt=with_tags(hires.hr_prompt, listed.tags))
    from_width, from_height = keys.size("Seed resize from") or (0, 0)
    settings = GenerationSettings(
        prompt=with_tags(infotext.prompt, listed.tags),
        negative_prompt=infotext.negative_prompt,
        steps=keys.whole("Steps", "Sampling steps", "num_inference_steps"),
        sampler_name=sampler,
        scheduler=scheduler,
        cfg_scale=keys.number("CFG scale", "CFG", "Guidance scale"),
        seed=keys.whole("Seed"),
        width=width,
        height=height,
        checkpoint=_checkpoint(keys, json_hashes(infotext).get("model", "")),
        vae=replace(vae, hash=infotext.get("VAE hash") or "") if vae else None,
        subseed=keys.whole("Variation seed") or 0,
        subseed_strength=keys.number("Variation seed strength", "Variation strength") or 0.0,
        seed_resize_from_w=from_width,
        seed_resize_from_h=from_height,
        clip_skip=keys.whole("Clip skip") or 1,
        eta_noise_seed_delta=keys.whole("ENSD", "Sampler eta delta", "Eta noise seed delta") or 0,
        distilled_cfg=keys.number("Distilled CFG Scale"),
        modules=tuple(found.value for found in modules),
        noise_source=_noise_source(keys, sampler, infotext.get("Version") or ""),
        emphasis=keys.choice("Emphasis", ("Original", "No norm", "Ignore", "None")) or "Original",
        pad_cond_uncond=keys.flag("Pad conds"),
        options=_options(keys, version),
        refiner=_refiner(keys, version),
        hires=hires,
    )
    return Reading(settings, keys.unused(), tuple(notes), listed.hashes)


def is_generation_text(infotext: Infotext) -> bool:
    """Whether anything in it is of a generated picture; comments of cameras have keys and values, too."""
    return bool(infotext.negative_prompt or any(map(infotext.find, ("Steps", "Sampler", "CFG scale", "Seed"))))


def _sampling(keys: _Keys, version: tuple[int, ...] | None, notes: list[str]) -> tuple[str | None, str | None]:
    scheduler = keys.schedule("Schedule type", "Scheduler", "Schedule")
    keys.use("Scheduler")
    given = keys.text("Sampler", "Sampler name")
    if given is None:
        return None, scheduler
    sampler, within = split_sampler(given)
    if not _is_hosts(sampler):
        sampler = same_name(sampler, SAMPLERS) or sampler
    if scheduler or within:
        return sampler, scheduler or within
    if sampler not in SAMPLERS:
        if _is_hosts(sampler):
            notes.append(f"The text names no schedule for the sampler {as_code(sampler)}; {_NORMAL} was taken.")
            return sampler, _NORMAL
        return sampler, None
    # until 1.8 the menu had a line of its own for each pair, and a bare name meant no special schedule; since 1.9
    # there always is one
    old = (version is None or version < (1, 9, 0, 0)) and sampler != "Restart"
    if old and automatic_schedule(sampler) != AUTOMATIC:
        notes.append(f"Before version 1.9 the sampler {sampler} without a schedule meant Uniform; taken as that.")
        return sampler, UNIFORM
    return sampler, AUTOMATIC


def _hires(keys: _Keys, sampler: str | None, scheduler: str | None, notes: list[str]) -> HiresSettings | None:
    if not keys.has(*_HIRES_KEYS) and not keys.has("First pass size"):
        if keys.number("Denoising strength") != 1 and keys.has("Denoising strength"):
            notes.append("The text has a denoising strength but no hires settings: it is of img2img. Only its first "
                         "pass, without the picture it began with, is here.")  # fmt: skip
        return None
    scale = keys.number("Hires upscale", "Hires scale")
    resize = keys.size("Hires resize") or (keys.size("Hires fixed", "Hires size") if scale is None else None) or (0, 0)
    keys.use("Hires fixed", "Hires size")
    hr_sampler, within = split_sampler(_unless_same(keys.text("Hires sampler"), "sampler") or "")
    hr_scheduler = _unless_same(keys.schedule("Hires schedule type", "Hires scheduler") or within, "scheduler")
    own = automatic_schedule(sampler)
    if hr_sampler and not hr_scheduler and scheduler == own != AUTOMATIC:
        notes.append(f"A1111 does not say whether the second pass used the schedule {own} or {AUTOMATIC}; {own} was "
                     "taken, as A1111 does when it reads this text.")  # fmt: skip
    return HiresSettings(
        denoising_strength=keys.number("Hires strength", "Denoising strength"),
        hr_scale=2.0 if scale is None else scale,
        hr_resize_x=resize[0],
        hr_resize_y=resize[1],
        hr_second_pass_steps=keys.whole("Hires steps") or 0,
        hr_upscaler=keys.text("Hires upscaler") or "Latent",
        hr_checkpoint=keys.model("Hires checkpoint"),
        hr_sampler_name=hr_sampler or None,
        hr_scheduler=hr_scheduler or None,
        hr_prompt=keys.text("Hires prompt") or "",
        hr_negative_prompt=keys.text("Hires negative prompt") or "",
        hr_cfg=keys.number("Hires CFG Scale"),
        hr_distilled_cfg=keys.number("Hires Distilled CFG Scale"),
    )


def _unless_same(name: str | None, what: str) -> str | None:
    return None if name == f"Use same {what}" else name


def _checkpoint(keys: _Keys, digits: str) -> ModelName | None:
    """By name, by hash or both."""
    model = keys.model("Model", "Model name", "Checkpoint", "ckpt_name", "Base model") or ModelName("")
    model = replace(model, hash=keys.text("Model hash", "Base model hash") or model.hash or digits)
    return model if model.name or model.hash else None


def _refiner(keys: _Keys, version: tuple[int, ...] | None) -> RefinerSettings | None:
    checkpoint = keys.model("Refiner")
    if checkpoint is None:
        return None
    switch_at = keys.number("Refiner switch at")
    return RefinerSettings(
        checkpoint,
        0.8 if switch_at is None else switch_at,
        keys.flag("Refiner switch by sampling steps") or bool(version and version < (1, 8, 0, 0)),
        keys.choice("Hires refiner", get_args(RefinerPass)) or "second pass",  # type: ignore[arg-type]
    )


def _noise_source(keys: _Keys, sampler: str | None, version: str) -> str:
    source = keys.choice("RNG", ("GPU", "NV", "CPU", "ComfyUI"))
    if source is None and (_is_hosts(sampler or "") or version.startswith(_ON_COMFYUI)):
        return "ComfyUI"
    return "GPU" if source in (None, "NV") else source


def _is_hosts(sampler: str) -> bool:
    """Whether the name is one of ComfyUI's: A1111's have capitals."""
    return sampler.islower() and " " not in sampler


def _options(keys: _Keys, version: tuple[int, ...] | None) -> A1111Settings:
    found: dict[str, Any] = {}
    for key, name in INFOTEXT_KEYS.items():
        convert = {bool: _flag, int: _whole, float: number}.get(type(DEFAULTS[name]), str)
        is_menu = name == "sd_noise_schedule"
        found[name] = keys.choice(key, NOISE_SCHEDULES) if is_menu else keys.read((key,), convert)
    if version and version < (1, 7, 0, 225):
        found["use_downcasted_alpha_bar"] = True
    return A1111Settings(**{name: value for name, value in found.items() if value is not None})


def _old_first_pass(width: int, height: int) -> tuple[int, int]:
    """What A1111 once chose by itself: about 512 x 512, in steps of 64."""
    factor = math.sqrt(512 * 512 / max(1, width * height))
    return math.ceil(factor * width / 64) * 64, math.ceil(factor * height / 64) * 64


def _version(text: str | None) -> tuple[int, ...] | None:
    """`v1.7.0-225-gabcdef` as (1, 7, 0, 225); Forge writes A1111's behind its own."""
    found = _VERSION.findall(text or "")
    return tuple(int(part or 0) for part in found[-1]) if found else None


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        value = number(text)
        return int(value) if value is not None and value == int(value) else None


def _size(text: str) -> tuple[int, int] | None:
    found = _SIZE.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())
