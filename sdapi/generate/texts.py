"""What a reply tells of its pictures: A1111's generation texts and the JSON text `info`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ...hires.infotext.settings import GenerationSettings
from ...hires.infotext.text import Infotext, Parameter, write
from ...hires.infotext.write import base_rows, further_rows
from ...hires.sampling.menus import AUTOMATIC, SAMPLERS
from .asked import Asked
from .house import House
from .requests import Generation, Img2Img, Txt2Img

Rows = list[tuple[str, Any]]


@dataclass(frozen=True)
class Told:
    """What texts say besides the settings."""

    base: Mapping[str, Any] = field(default_factory=dict)
    """Of an img2img with a mask and the like, in A1111's order."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    """`Lora hashes` and `TI hashes`."""

    job_timestamp: str = field(default_factory=lambda: datetime.now().strftime("%Y%m%d%H%M%S"))


def shown_settings(asked: Asked[Any], house: House) -> GenerationSettings:
    """The settings as texts tell them: models by A1111's names, with their hashes."""
    settings = asked.settings
    checkpoint = settings.checkpoint and house.model_name("checkpoints", settings.checkpoint.name)
    vae = settings.vae and house.model_name("vae", settings.vae.name)
    refiner, hires = settings.refiner, settings.hires
    if refiner:
        refiner = replace(refiner, checkpoint=house.model_name("checkpoints", refiner.checkpoint.name))
    if hires:
        own = hires.hr_checkpoint and house.model_name("checkpoints", hires.hr_checkpoint.name)
        same = {"hr_prompt": settings.prompt, "hr_negative_prompt": settings.negative_prompt}
        texts = {name: "" if getattr(hires, name) == first else getattr(hires, name) for name, first in same.items()}
        hires = replace(hires, hr_checkpoint=own, hr_upscaler=house.upscaler_title(hires.hr_upscaler), **texts)
    return replace(settings, checkpoint=checkpoint, vae=vae, refiner=refiner, hires=hires)


def infotexts(asked: Asked[Any], house: House, told: Told) -> list[str]:
    """The text of every picture, in A1111's order."""
    shown = shown_settings(asked, house)
    texts = []
    for index in range(asked.count):
        settings = replace(shown, seed=asked.seeds[index], subseed=asked.subseeds[index])
        rows = [*_base(asked, settings), *_extra(asked, settings, told).items()]
        parameters = [Parameter(key, str(value)) for key, value in rows if value is not None]
        parameters += [Parameter(key, value) for key, value in told.hashes.items() if value]
        if asked.lost_networks:
            parameters.append(Parameter("Networks not found", ", ".join(asked.lost_networks)))
        parameters.append(Parameter("Version", house.version))
        texts.append(write(Infotext(settings.prompt, settings.negative_prompt, tuple(parameters))))
    return texts


def _base(asked: Asked[Any], settings: GenerationSettings) -> Rows:
    rows = base_rows(settings)
    if asked.options["randn_source"] == "GPU":  # A1111 does not tell what its device draws
        rows = [row for row in rows if row[0] != "RNG"]
    return rows


def _extra(asked: Asked[Any], settings: GenerationSettings, told: Told) -> dict[str, Any]:
    """What comes behind the rows that every text has."""
    sampler = SAMPLERS[settings.sampler_name or ""]
    takes_eta = "eta" in sampler.takes
    takes_ddim_eta = sampler.walks_timesteps and sampler.noise == "image"
    silent = set()
    if not takes_eta:
        silent.add("Eta")
    if not takes_ddim_eta:
        silent.add("Eta DDIM")
    if isinstance(asked.request, Txt2Img) and asked.request.hr_upscaler is None:
        silent.add("Hires upscaler")
    rows = {key: value for key, value in further_rows(settings) if key not in silent}
    return {**told.base, **rows}


def extra_generation_params(asked: Asked[Any], house: House, told: Told) -> dict[str, Any]:
    """The same as an object, as A1111 keeps it."""
    settings = shown_settings(asked, house)
    extra: dict[str, Any] = {}
    if isinstance(asked.request, Img2Img) or settings.hires:
        extra["Denoising strength"] = asked.request.denoising_strength
    if settings.scheduler != AUTOMATIC or SAMPLERS[settings.sampler_name or ""].schedule:
        label = dict(base_rows(settings)).get("Schedule type")
        extra |= {"Schedule type": label} if label != AUTOMATIC else {}
    if settings.hires:
        # A1111 keeps functions there, which its JSON tells as null
        extra |= {"Hires prompt": None, "Hires negative prompt": None, "Hires schedule type": None}
    for key, value in _extra(asked, settings, told).items():
        extra[key] = None if key in ("Hires prompt", "Hires negative prompt") else _plain(value)
    return extra


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def info(
    asked: Asked[Any],
    house: House,
    told: Told,
    texts: Sequence[str],
    index_of_first_image: int = 0,
    **changed: Any,
) -> str:
    """The JSON text `info`. `changed`: keys that a script has otherwise."""
    request, settings = asked.request, shown_settings(asked, house)
    count = asked.count
    vae = settings.vae
    found = {
        "prompt": settings.prompt,
        "all_prompts": [settings.prompt] * count,
        "negative_prompt": settings.negative_prompt,
        "all_negative_prompts": [settings.negative_prompt] * count,
        "seed": asked.seeds[0],
        "all_seeds": asked.seeds,
        "subseed": asked.subseeds[0],
        "all_subseeds": asked.subseeds,
        "subseed_strength": settings.subseed_strength,
        "width": settings.width,
        "height": settings.height,
        "sampler_name": settings.sampler_name,
        "cfg_scale": settings.cfg_scale,
        "steps": settings.steps,
        "batch_size": asked.batch_size,
        "restore_faces": bool(request.restore_faces),
        "face_restoration_model": asked.options.get("face_restoration_model") if request.restore_faces else None,
        "sd_model_name": settings.checkpoint.name if settings.checkpoint else "",
        "sd_model_hash": settings.checkpoint.hash if settings.checkpoint else "",
        "sd_vae_name": vae.name if vae else None,
        "sd_vae_hash": vae.hash if vae else None,
        "seed_resize_from_w": request.seed_resize_from_w,
        "seed_resize_from_h": request.seed_resize_from_h,
        "denoising_strength": request.denoising_strength,
        "extra_generation_params": extra_generation_params(asked, house, told),
        "index_of_first_image": index_of_first_image,
        "infotexts": list(texts),
        "styles": list(asked.styles),
        "job_timestamp": told.job_timestamp,
        "clip_skip": settings.clip_skip,
        "is_using_inpainting_conditioning": False,
        "version": house.version,
    }
    return json.dumps({**found, **changed})


def echo(request: Generation) -> dict[str, Any]:
    """The request as the reply repeats it."""
    told = request.model_dump()
    if isinstance(request, Img2Img) and not request.include_init_images:
        told |= {"init_images": None, "mask": None}
    return told
