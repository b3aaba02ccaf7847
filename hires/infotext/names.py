"""What A1111 calls samplers, schedules and upscalers in its generation text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..model_names import stem
from ..sampling.menus import AUTOMATIC, SAMPLERS, SCHEDULES, automatic_schedule

HOST_SCHEDULES = (
    *("ddim_uniform", "sgm_uniform", "linear_quadratic", "kl_optimal"),
    *("simple", "karras", "exponential", "beta", "normal"),
)
"""ComfyUI's own. Some have A1111's names in small letters, and other numbers."""

UPSCALER_FILES: dict[str, str] = {
    "R-ESRGAN 4x+": "RealESRGAN_x4plus",
    "R-ESRGAN 4x+ Anime6B": "RealESRGAN_x4plus_anime_6B",
    "R-ESRGAN 2x+": "RealESRGAN_x2plus",
    "R-ESRGAN General 4xV3": "realesr-general-x4v3",
    "R-ESRGAN General WDN 4xV3": "realesr-general-wdn-x4v3",
    "R-ESRGAN AnimeVideo": "realesr-animevideov3",
    "SwinIR 4x": "003_realSR_BSRGAN_DFOWMFC_s64w8_SwinIR-L_x4_GAN",
    "DAT x2": "DAT_x2",
    "DAT x3": "DAT_x3",
    "DAT x4": "DAT_x4",
    "ScuNET GAN": "scunet_color_real_gan",
    "ScuNET PSNR": "scunet_color_real_psnr",
}
"""Files, without suffix, of the upscalers that A1111 lists under another name than their file's."""

LDSR_FOLDER, LDSR_SUFFIXES = "LDSR", (".safetensors", ".ckpt")
"""Where A1111 keeps the files of the upscaler that it calls so, and of which kinds they are."""

_LDSR = "LDSR"
_LDSR_FILES = (*(f"{LDSR_FOLDER}/model{suffix}" for suffix in LDSR_SUFFIXES), "last.safetensors", "last.ckpt")
"""In the order in which they are taken: A1111's, then the name under which the model was published."""

_BLANKS = re.compile(r"[\s_]+")
_HASHED = re.compile(r"(?P<name>.*?)(?: \[(?P<hash>[0-9a-fA-F]+)\])?")


def split_hash(title: str) -> tuple[str, str]:
    """`name [0123456789]` as name and hash; the hash is empty where there is none."""
    parts = _HASHED.fullmatch(title)
    return (parts["name"], parts["hash"] or "") if parts else (title, "")


def same_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs at most in capitals, blanks and underscores; None if none does."""
    wanted = _plain(name)
    return next((entry for entry in known if _plain(entry) == wanted), None)


def _plain(name: str) -> str:
    return _BLANKS.sub(" ", name).strip().lower()


def split_sampler(name: str) -> tuple[str, str | None]:
    """A sampler's name, which may end with a schedule as before A1111 1.9, as (sampler, schedule or None).

    Names that are not in A1111's menu stay as they are: in small letters they may be ComfyUI's own, which other
    programs join to one as `dpmpp_2m_karras`.
    """
    if name in SAMPLERS:
        return name, None
    for schedule in HOST_SCHEDULES:
        if name.endswith(f"_{schedule}"):
            return name.removesuffix(f"_{schedule}"), schedule
    for schedule in SCHEDULES:
        if _plain(name).endswith(f" {_plain(schedule)}"):
            sampler = same_name(_plain(name).removesuffix(_plain(schedule)), SAMPLERS)
            if sampler:
                return sampler, schedule
    return name, None


def known_schedule(name: str) -> str:
    """A schedule's name as a node lists it: ComfyUI's own in small letters, which are not A1111's of like names."""
    return name if name in HOST_SCHEDULES else same_name(name, SCHEDULES) or name


def schedule_label(sampler: str | None, schedule: str | None) -> str | None:
    """What A1111 writes as `Schedule type`: for Automatic, the schedule that the sampler gets then."""
    return automatic_schedule(sampler) if schedule == AUTOMATIC else schedule


def upscaler_file(name: str) -> str:
    """The file, without suffix, of a pixel upscaler that is none of `menus.FILTERS`; LDSR's as it is listed."""
    if is_ldsr_file(name):
        return name
    return UPSCALER_FILES.get(same_name(name, UPSCALER_FILES) or name, stem(name))


def is_ldsr_file(file: str) -> bool:
    """Whether a file is one of LDSR by its folder or name; it may have another."""
    plain = file.replace("\\", "/")
    return plain.startswith(f"{LDSR_FOLDER}/") or plain in _LDSR_FILES


def ldsr_file(title: str, files: Iterable[str]) -> str | None:
    """The file that A1111 means by LDSR; None for other titles, and where there is none."""
    known = list(files) if title == _LDSR else []
    named = (file for name in _LDSR_FILES for file in known if file.replace("\\", "/") == name)
    return next(named, next(filter(is_ldsr_file, known), None))


def upscaler_title(file: str) -> str:
    """A1111's name of the upscaler in a file."""
    if is_ldsr_file(file):
        return _LDSR
    return next((title for title, known in UPSCALER_FILES.items() if known == stem(file)), stem(file))


LOST = "[object Object]"  # what a web page wrote where it had no text


def embedding_names(hashes: str) -> tuple[str, ...]:
    """The names in the value of `TI hashes`, such as `first: 66a7279a, second: aa7651be`; each once."""
    if hashes == LOST:
        return ()
    names = (entry.partition(":")[0].strip() for entry in hashes.split(","))
    return tuple({name.lower(): name for name in names if name}.values())
