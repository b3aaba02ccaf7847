"""Where the pack and A1111 part: what is refused (the README's table is made from here), and what comes close."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Refusal:
    """Something A1111 can do and this pack refuses on purpose."""

    feature: str
    """Under the name that A1111's page gives it."""
    pattern: str
    """Matches the `name=value` of the setting that asks for it, or the pack's own message; as in file names."""
    reason: str
    """Why, for a user to read."""


@dataclass(frozen=True)
class Close:
    """Something that is done as A1111 does it, and yet cannot give the same numbers everywhere."""

    feature: str
    pattern: str
    """Matches a `name=value` of the job, such as `sampler_name=Euler`; `pixel_upscaler` is any but the latent modes."""


REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        "Tiling",
        "tiling=True",
        "Tileable pictures need every convolution of model and VAE to wrap around; that is a patch of the model, not a "
        "part of hires fix.",
    ),
    Refusal(
        "Token merging ratio",
        "token_merging_ratio*=*",
        "It trades quality for speed in the model, not in hires fix; patch the MODEL with core's Token Merging node.",
    ),
    Refusal(
        "Do not make DPM++ SDE deterministic across different batch sizes",
        "no_dpmpp_sde_batch_determinism=True",
        "A1111 then draws unseeded noise, which nobody can repeat.",
    ),
    Refusal(
        "Old prompt editing timelines, old emphasis implementation",
        "use_old_*=True",
        "Switches back to what A1111 did before 2023.",
    ),
    Refusal(
        "Pad prompt/negative prompt (v0)", "pad_cond_uncond_v0=True", "Switches back to what A1111 did before 1.6."
    ),
    Refusal(
        "SD upscale with a tile overlap larger than the tile",
        "*overlap is * and tile_*: tiles must share*",
        "A1111 then draws a part of the picture, or none, and leaves the rest black.",
    ),
    Refusal(
        "VAE type TAESD",
        "sd_vae_*code_method=TAESD",
        "Not a setting here: connect a TAESD VAE (core's Load VAE lists it) in place of the checkpoint's.",
    ),
)

CLOSE: tuple[Close, ...] = (
    # It chooses each step by the error of the last, over hundreds of model calls, and that multiplies rounding: text
    # embeddings changed by 1e-7 change its latent by 5 %, as far as it is from the recording (pictures about 40 dB).
    Close("DPM adaptive", "*sampler_name=DPM adaptive"),
    # A1111 cuts the picture between the passes to 8 bits. Rounding of 1e-5 in the first pass moves about 1 value in
    # 2000 to the next level, and a single one of them is up to 5e-4 of the latent (at the end 3e-3, above 55 dB). From
    # the same 8-bit picture on, the numbers agree to 1e-5; where an upscale model rounds to 8 bits again, to 3e-4.
    Close("Hires fix with a pixel upscaler", "pixel_upscaler=*"),
)


def refusal_of(text: str) -> Refusal | None:
    """The line that covers a setting (`name=value`) or a message; None if there is none."""
    return next((line for line in REFUSALS if fnmatchcase(text, line.pattern)), None)


def close_of(settings: Iterable[str]) -> list[Close]:
    """The lines that a job's settings (`name=value`) fall under."""
    given = list(settings)
    return [line for line in CLOSE if any(fnmatchcase(text, line.pattern) for text in given)]


def markdown() -> str:
    """The table of what is refused, for the README."""
    rows = [f"| {line.feature} | {line.reason} |" for line in REFUSALS]
    return "\n".join(["| A1111 | why it is refused |", "|---|---|", *rows])
