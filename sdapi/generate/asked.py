"""What a request asks for when A1111's defaults, the settings, styles and a sent generation text are filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from ...hires.infotext.read import read_settings
from ...hires.infotext.settings import GenerationSettings, HiresSettings, ModelName, RefinerSettings
from ...hires.infotext.text import parse
from ...hires.prompts.lora_files import LoraError, LoraFiles
from ...hires.prompts.networks import lora_of
from ...hires.prompts.passes import with_extra_networks
from ...hires.prompts.styles import StyleError, find_styles, styled
from ...hires.sampling.menus import AUTOMATIC, LATENT_MODES, SAMPLERS
from ...hires.sampling.settings import DEFAULTS, A1111Settings
from ...hires.sizes.image_sizes import A1111_CELL
from ..errors import failed
from ..option_table import CHECKPOINT
from ..samplers import hires_sampler, hires_schedule, sampler_and_schedule
from .house import House
from .requests import Generation, Img2Img, Txt2Img

R = TypeVar("R", bound=Generation)

Options = Mapping[str, Any]
"""A1111's settings, those of the request included."""

MOST_PICTURES = 10_000
"""Of one request."""

_NO_STYLE = ("", "None", "none")
_NO_MODEL = (None, "", "None", "none")
_OF_REQUEST = ("s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond")


@dataclass(frozen=True)
class Asked(Generic[R]):
    """A request, and what it comes to."""

    request: R
    """With what its generation text said where it said nothing itself: the echo of the reply."""

    options: Options
    settings: GenerationSettings
    """Of the first picture. Models are named by the host's files; the size is that of the request."""

    drawn: GenerationSettings
    """The same for the graph: prompts without the tags of LoRAs that nobody has, which A1111 passes over, too."""

    styles: tuple[str, ...]
    batch_size: int
    n_iter: int
    lost_networks: tuple[str, ...] = ()
    """LoRAs that the prompts name and that nobody has."""

    @property
    def count(self) -> int:
        """Pictures of all batches."""
        return self.batch_size * self.n_iter

    @property
    def seeds(self) -> list[int]:
        """Of every picture."""
        seed = self.settings.seed or 0
        return [seed + (0 if self.settings.subseed_strength else index) for index in range(self.count)]

    @property
    def subseeds(self) -> list[int]:
        return [self.settings.subseed + index for index in range(self.count)]

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height as they were asked for."""
        return self.settings.width or 0, self.settings.height or 0

    @property
    def cells(self) -> tuple[int, int]:
        """Width and height of the latent."""
        width, height = self.sides
        return width // A1111_CELL, height // A1111_CELL

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that are drawn: whole cells of the latent."""
        width, height = self.cells
        return width * A1111_CELL, height * A1111_CELL

    def iteration(self, number: int) -> GenerationSettings:
        """The settings of a batch, by its first picture."""
        first = number * self.batch_size
        return replace(self.drawn, seed=self.seeds[first], subseed=self.subseeds[first])


def asked_for(request: R, options: Options, house: House) -> Asked[R]:
    """Fill in everything.

    Raises:
        ApiError: something is missing, has no place here, or makes no sense.
    """
    if options["hires_fix_use_firstpass_conds"]:
        raise failed("NotImplementedError", "hires_fix_use_firstpass_conds is not done over this API: leave it off.")
    width, height = _size(request)
    _check(request, (width, height))
    sampler, scheduler = sampler_and_schedule(request.sampler_name or request.sampler_index, request.scheduler)
    styles = tuple(name for name in request.styles or () if name not in _NO_STYLE)
    prompt, negative = _styled(request.prompt, request.negative_prompt, styles, house)
    from_w, from_h = (max(0, side or 0) for side in (request.seed_resize_from_w, request.seed_resize_from_h))
    settings = GenerationSettings(
        prompt=prompt,
        negative_prompt=negative,
        steps=request.steps,
        sampler_name=sampler,
        scheduler=scheduler,
        cfg_scale=request.cfg_scale,
        seed=_seed(request.seed, house),
        width=width,
        height=height,
        checkpoint=_checkpoint(options.get(CHECKPOINT), house),
        vae=_vae(options["sd_vae"], house),
        subseed=_seed(request.subseed, house),
        subseed_strength=request.subseed_strength or 0,
        seed_resize_from_w=from_w if from_h else 0,
        seed_resize_from_h=from_h if from_w else 0,
        clip_skip=int(options["CLIP_stop_at_last_layers"]),
        eta_noise_seed_delta=int(options["eta_noise_seed_delta"]),
        noise_source=_noise_source(options["randn_source"], house),
        emphasis=options["emphasis"],
        pad_cond_uncond=bool(options["pad_cond_uncond"]),
        options=_sampling_options(request, options),
        refiner=_refiner(request, options, house),
        hires=_hires(request, styles, house) if isinstance(request, Txt2Img) and request.enable_hr else None,
    )
    if isinstance(request, Img2Img):
        settings = replace(settings, denoising_strength=request.denoising_strength)
    drawn, lost = _without_lost_networks(settings, LoraFiles(house.files.loras, house.files.lora_alias))
    return Asked(request, options, settings, drawn, styles, request.batch_size or 0, request.n_iter or 0, lost)


def _size(request: Generation) -> tuple[int, int]:
    """Width and height of the (first) pass, 0 where there is none."""
    sides = request.width, request.height
    if isinstance(request, Txt2Img) and (request.firstphase_width or request.firstphase_height):
        sides = request.firstphase_width, request.firstphase_height  # as before hires fix knew a factor
    return sides[0] or 0, sides[1] or 0


def with_infotext(request: R) -> R:
    """The request with what its generation text says where itself says nothing, as A1111 fills it in.

    Of img2img that is seed, steps and sampler alone.
    """
    if not request.infotext:
        return request
    said = read_settings(parse(request.infotext)).settings
    sampler, schedule = sampler_and_schedule(said.sampler_name, said.scheduler)
    found: dict[str, Any] = {"seed": said.seed, "steps": said.steps}
    if said.sampler_name:
        own = SAMPLERS[sampler].schedule
        found |= {"sampler_name": sampler, "scheduler": AUTOMATIC if schedule == own else schedule}
    if isinstance(request, Txt2Img):
        found |= {"prompt": said.prompt, "negative_prompt": said.negative_prompt, "cfg_scale": said.cfg_scale}
        found |= {"width": said.width, "height": said.height, **_hires_fields(said.hires)}
    overrides = {} if said.clip_skip == 1 else {"CLIP_stop_at_last_layers": said.clip_skip}
    sent = request.model_fields_set
    found = {name: value for name, value in found.items() if value is not None and name not in sent}
    found["override_settings"] = {**overrides, **(request.override_settings or {})}
    return request.model_copy(update=found)


def _hires_fields(hires: HiresSettings | None) -> dict[str, Any]:
    same = {"hr_checkpoint_name": "Use same checkpoint", "hr_sampler_name": "Use same sampler"}
    if hires is None:
        return {**same, "hr_scheduler": AUTOMATIC}
    own = {
        "enable_hr": True,
        "denoising_strength": hires.denoising_strength,
        "hr_scale": float(hires.hr_scale),
        "hr_upscaler": hires.hr_upscaler,
        "hr_second_pass_steps": hires.hr_second_pass_steps,
        "hr_resize_x": hires.hr_resize_x,
        "hr_resize_y": hires.hr_resize_y,
        "hr_prompt": hires.hr_prompt,
        "hr_negative_prompt": hires.hr_negative_prompt,
        "hr_scheduler": hires.hr_scheduler or "Use same scheduler",
    }
    told = {
        "hr_checkpoint_name": hires.hr_checkpoint and str(hires.hr_checkpoint),
        "hr_sampler_name": hires.hr_sampler_name,
    }
    return {**own, **same, **{name: value for name, value in told.items() if value}}


def _check(request: Generation, sides: tuple[int, int]) -> None:
    """Raise ApiError for values that nothing can be drawn with; the kinds are those of A1111's own failures."""
    if request.prompt is None or request.negative_prompt is None:
        raise failed(
            "AssertionError", "prompt and negative_prompt are texts; null is none. Leave them out, or send ''."
        )
    for name in ("steps", "cfg_scale", "width", "height", "batch_size", "n_iter"):
        if getattr(request, name) is None:
            raise failed("TypeError", f"{name} is null. Leave it out for its default, or send a number.")
    if not request.steps:
        raise failed("ZeroDivisionError", "steps is 0; it takes at least 1 to draw a picture.")
    if not request.batch_size or not request.n_iter or request.batch_size < 0 or request.n_iter < 0:
        found = f"batch_size is {request.batch_size} and n_iter {request.n_iter}"
        raise failed("IndexError", f"{found}; both are at least 1.")
    if request.batch_size * request.n_iter > MOST_PICTURES:
        found = f"batch_size is {request.batch_size} and n_iter {request.n_iter}"
        raise failed("ValueError", f"{found}; one request draws up to {MOST_PICTURES} pictures.")
    if min(sides) < A1111_CELL:
        raise failed("RuntimeError", f"The size is {sides[0]}x{sides[1]}; both sides are at least {A1111_CELL} pixels.")
    if request.tiling:
        raise failed("NotImplementedError", "tiling (pictures that repeat without a seam) is not there: send false.")
    if request.restore_faces:
        raise failed("NotImplementedError", "restore_faces: faces are not restored over this API yet. Send false.")
    if request.firstpass_image and not (isinstance(request, Txt2Img) and request.enable_hr and request.batch_size == 1):
        wanted = "firstpass_image takes the place of hires fix's first pass: txt2img, enable_hr and batch_size 1."
        raise failed("ValueError", f"{wanted} To redraw a picture at its size, send it to img2img.")
    if request.disable_extra_networks and "<" in (request.prompt or ""):
        raise failed("NotImplementedError", "disable_extra_networks with <tags> in the prompt: leave the tags out.")


def _seed(seed: int | None, house: House) -> int:
    return house.random() if seed in (None, -1) else int(seed)  # type: ignore[arg-type]


def _styled(prompt: str | None, negative: str | None, names: Sequence[str], house: House) -> tuple[str, str]:
    try:
        return styled(prompt or "", negative or "", find_styles(names, house.styles, "the tables of this server"))
    except StyleError as error:
        raise failed("KeyError", f"styles: {error}") from error


def _checkpoint(file: str | None, house: House) -> ModelName:
    if not file:
        raise failed("RuntimeError", "No checkpoint is installed: put one into models/checkpoints.")
    return ModelName(file)


def named_checkpoint(name: str, house: House) -> ModelName:
    """The checkpoint of that name. Raises ApiError if there is none."""
    file = house.checkpoint(name)
    if file is None:
        raise failed("Exception", f"Could not find checkpoint with name {name}")
    return ModelName(file)


def _vae(name: str | None, house: House) -> ModelName | None:
    if name in (None, "", "None", "Automatic"):
        return None
    file = house.vae(str(name))
    if file is None:
        raise failed("RuntimeError", f"sd_vae {name!r} not found: it is not among the files of models/vae.")
    return ModelName(file)


def _noise_source(source: str, house: House) -> str:
    if source == "NV" or (source == "GPU" and house.has_gpu_noise):
        return "GPU"
    if source not in ("GPU", "CPU"):
        raise failed("ValueError", f"randn_source is {source!r}; there are GPU, CPU and NV.")
    return "CPU"


def _sampling_options(request: Generation, options: Options) -> A1111Settings:
    values = {name: options.get(name, default) for name, default in DEFAULTS.items()}
    for name in _OF_REQUEST:
        own = getattr(request, name)
        values[name] = values[name] if own is None else own
    if request.eta is not None:
        values["eta_ancestral"] = values["eta_ddim"] = request.eta
    if isinstance(request, Img2Img) and request.initial_noise_multiplier is not None:
        values["initial_noise_multiplier"] = request.initial_noise_multiplier
    return A1111Settings(**{name: type(DEFAULTS[name])(value) for name, value in values.items()})


def _refiner(request: Generation, options: Options, house: House) -> RefinerSettings | None:
    if request.refiner_checkpoint in _NO_MODEL:
        return None
    return RefinerSettings(
        named_checkpoint(str(request.refiner_checkpoint), house),
        request.refiner_switch_at or 0.0,
        bool(options["refiner_switch_by_sample_steps"]),
        options["hires_fix_refiner_pass"],
    )


def _hires(request: Txt2Img, styles: Sequence[str], house: House) -> HiresSettings:
    if request.denoising_strength is None:
        raise failed(
            "TypeError", "enable_hr needs denoising_strength, from 0 (keep) to 1 (draw anew); it was not sent."
        )
    upscaler = request.hr_upscaler
    if upscaler is not None and upscaler not in LATENT_MODES:
        found = house.upscaler(upscaler)
        if found is None:
            raise failed("Exception", f"could not find upscaler named {upscaler}")
        upscaler = found
    name = request.hr_checkpoint_name
    own = name not in (*_NO_MODEL, "Use same checkpoint")
    prompt, negative = _styled(request.hr_prompt, request.hr_negative_prompt, styles, house)
    return HiresSettings(
        denoising_strength=request.denoising_strength,
        hr_scale=2.0 if request.hr_scale is None else request.hr_scale,
        hr_resize_x=request.hr_resize_x or 0,
        hr_resize_y=request.hr_resize_y or 0,
        hr_second_pass_steps=request.hr_second_pass_steps or 0,
        hr_upscaler=upscaler or next(iter(LATENT_MODES)),
        hr_checkpoint=named_checkpoint(str(name), house) if own else None,
        hr_sampler_name=hires_sampler(request.hr_sampler_name),
        hr_scheduler=hires_schedule(request.hr_scheduler),
        hr_prompt=prompt if request.hr_prompt else "",
        hr_negative_prompt=negative if request.hr_negative_prompt else "",
    )


def _without_lost_networks(
    settings: GenerationSettings, files: LoraFiles
) -> tuple[GenerationSettings, tuple[str, ...]]:
    """The settings without tags of LoRAs that nobody has, and their names."""
    lost: dict[str, None] = {}

    def kept(tag: str) -> str:
        lora = lora_of(tag)
        if lora is None:
            return tag
        try:
            files.named(lora.name)
            return tag
        except LoraError:
            lost[lora.name] = None
            return ""

    hires = settings.hires
    if hires:
        hires = replace(hires, hr_prompt=with_extra_networks(hires.hr_prompt, kept))
    cleaned = replace(settings, prompt=with_extra_networks(settings.prompt, kept), hires=hires)
    return cleaned, tuple(lost)
