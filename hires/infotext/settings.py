"""What a generation text asks for, as a typed record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ..sampling.settings import A1111Settings

RefinerPass = Literal["first pass", "second pass", "both passes"]


@dataclass(frozen=True)
class ModelName:
    """A model file as A1111 names it."""

    name: str
    """Of a checkpoint: the file's name without suffix."""

    hash: str = ""
    """First ten digits of the file's SHA-256; empty where it is not known."""

    def __str__(self) -> str:
        return f"{self.name} [{self.hash}]" if self.hash else self.name


@dataclass(frozen=True)
class HiresSettings:
    """Hires fix, under the names of A1111's API."""

    denoising_strength: float | None = None
    """0 keeps the picture, 1 makes a new one; None: not in the text."""

    hr_scale: float = 2.0
    """Factor while both resize fields are 0."""

    hr_resize_x: int = 0
    hr_resize_y: int = 0
    """Size to reach in pixels; 0: follows the other, or `hr_scale`."""

    hr_second_pass_steps: int = 0
    """0: as many as the first pass."""

    hr_upscaler: str = "Latent"
    """A latent mode, a filter, or the name of an upscale model."""

    hr_checkpoint: ModelName | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str = ""
    hr_negative_prompt: str = ""
    hr_cfg: float | None = None
    hr_distilled_cfg: float | None = None
    """Each: None or empty for the same as in the first pass. The last two are Forge's and SD.Next's."""


@dataclass(frozen=True)
class RefinerSettings:
    """A second model that takes over on the way."""

    checkpoint: ModelName
    switch_at: float = 0.8
    """Share of the way from noise to picture, 0 to 1."""

    by_steps: bool = False
    """Count the way in steps, not in noise levels."""

    hires_pass: RefinerPass = "second pass"
    """Where it works while hires fix is on."""


@dataclass(frozen=True)
class GenerationSettings:
    """One picture of txt2img, or what img2img shares with it, under the names of A1111's API. None: not in the text."""

    prompt: str = ""
    negative_prompt: str = ""
    steps: int | None = None
    sampler_name: str | None = None
    """A1111's menu name; ComfyUI's own are in small letters."""

    scheduler: str | None = None
    cfg_scale: float | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    """Of the first pass, in pixels."""

    checkpoint: ModelName | None = None
    vae: ModelName | None = None
    """By its file name with suffix; None: the checkpoint's own."""

    subseed: int = 0
    subseed_strength: float = 0.0
    seed_resize_from_w: int = 0
    seed_resize_from_h: int = 0
    clip_skip: int = 1
    eta_noise_seed_delta: int = 0
    distilled_cfg: float | None = None
    """Forge's guidance of Flux; None: the model has none."""

    modules: tuple[str, ...] = ()
    """Forge's files beside the model's own: VAE and text encoders."""

    noise_source: str = "GPU"
    """`GPU` (A1111's GPU and NV), `CPU` or `ComfyUI`, as in Seed and Noise."""

    emphasis: str = "Original"
    pad_cond_uncond: bool = False
    options: A1111Settings = field(default_factory=A1111Settings)
    refiner: RefinerSettings | None = None
    hires: HiresSettings | None = None
    """None: hires fix is off."""

    denoising_strength: float | None = None
    """Of img2img; hires fix has its own. None: it is txt2img."""

    def picture(self, index: int) -> GenerationSettings:
        """The settings of another picture of the same batch: A1111 counts the seed, or the variation seed, up."""
        if self.subseed_strength:
            return replace(self, subseed=self.subseed + index)
        return replace(self, seed=None if self.seed is None else self.seed + index)
