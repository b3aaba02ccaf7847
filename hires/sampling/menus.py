"""A1111's menus: samplers, schedules, latent modes and filters, under the names of its pages, texts and API.

Everything that lists or looks up one of these names reads it here. Needs neither torch nor a host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AUTOMATIC = "Automatic"
"""The schedule that a sampler brings along."""

UNIFORM = "Uniform"
"""What Automatic computes for a sampler that brings none."""


@dataclass(frozen=True)
class Sampler:
    """One line of A1111's sampler menu. Its function is in `k_samplers.FUNCTIONS` or `host.sampling.samplers`."""

    aliases: tuple[str, ...]
    """A1111's other names for it, as its API lists them."""

    schedule: str | None = None
    """The schedule that Automatic stands for; None: A1111's texts say Automatic, and Uniform is computed."""

    noise: Literal["none", "image", "brownian"] = "none"
    """Where the noise of its steps comes from: nowhere, the images' own generators, or Brownian trees."""

    discard_penultimate: bool = False
    """The schedule is built for one step more and its second-to-last sigma left out."""

    calls_per_step: int = 1
    """Model calls a step, by which prompt editing counts."""

    takes: tuple[str, ...] = ()
    """Options that its function has an argument for."""

    own_pace: bool = False
    """Makes of a schedule as many steps as it likes."""

    own_end: bool = False
    """Goes on to the model's smallest sigma, wherever the sigmas stop."""

    walks_timesteps: bool = False
    """Has a grid of whole timesteps in place of a schedule."""

    guidance_plus: bool = False
    """CFG++: the noise that is added back is the one predicted without the prompt."""

    consistency: bool = False
    """Needs the denoiser of latent consistency models."""

    sigma_only: bool = False
    """Adds its noise as eps and v models do, which is wrong for flow models."""

    @property
    def needs_discrete(self) -> bool:
        """Only for models with a table of training timesteps."""
        return self.walks_timesteps or self.consistency or self.sigma_only


_CHURN = ("s_churn", "s_tmin", "s_tmax", "s_noise")
_ETA = ("eta", "s_noise")

# fmt: off
SAMPLERS: dict[str, Sampler] = {
    "DPM++ 2M": Sampler(("k_dpmpp_2m",), "Karras"),
    "DPM++ SDE": Sampler(("k_dpmpp_sde",), "Karras", "brownian", calls_per_step=2, takes=_ETA),
    "DPM++ 2M SDE": Sampler(("k_dpmpp_2m_sde",), "Exponential", "brownian", takes=_ETA),
    "DPM++ 2M SDE Heun": Sampler(("k_dpmpp_2m_sde_heun",), "Exponential", "brownian", takes=_ETA),
    "DPM++ 2S a": Sampler(("k_dpmpp_2s_a",), "Karras", "image", calls_per_step=2, takes=_ETA),
    "DPM++ 3M SDE": Sampler(("k_dpmpp_3m_sde",), "Exponential", "brownian", discard_penultimate=True, takes=_ETA),
    "Euler a": Sampler(("k_euler_a", "k_euler_ancestral"), noise="image", takes=("eta",)),
    "Euler": Sampler(("k_euler",), noise="image", takes=_CHURN),
    "LMS": Sampler(("k_lms",)),
    "Heun": Sampler(("k_heun",), noise="image", calls_per_step=2, takes=_CHURN),
    "DPM2": Sampler(("k_dpm_2",), "Karras", "image", discard_penultimate=True, calls_per_step=2, takes=_CHURN),
    "DPM2 a": Sampler(("k_dpm_2_a",), "Karras", "image", discard_penultimate=True, calls_per_step=2, takes=_ETA),
    "DPM fast": Sampler(("k_dpm_fast",), noise="image", takes=_ETA, own_pace=True, own_end=True, sigma_only=True),
    "DPM adaptive": Sampler(("k_dpm_ad",), noise="image", takes=("eta",), own_pace=True, own_end=True, sigma_only=True),
    "Restart": Sampler(("restart",), "Karras", "image", calls_per_step=2, own_pace=True, sigma_only=True),
    "DDIM": Sampler(("ddim",), noise="image", own_end=True, walks_timesteps=True),
    "DDIM CFG++": Sampler(("ddim_cfgpp",), noise="image", own_end=True, walks_timesteps=True, guidance_plus=True),
    "PLMS": Sampler(("plms",), own_end=True, walks_timesteps=True),
    "UniPC": Sampler(("unipc",), own_end=True, walks_timesteps=True),
    "LCM": Sampler(("k_lcm",), noise="image", consistency=True),
}
# fmt: on
"""By name, in menu order."""

HOST_DISCARD_PENULTIMATE = frozenset(("dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"))
_HOST_OWN_PACE = frozenset(("dpm_adaptive", "dpm_fast"))
_HOST_TWO_CALLS = frozenset(
    (
        *("heun", "dpm_2", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde"),
        *("dpmpp_sde_gpu", "seeds_2", "exp_heun_2_x0", "exp_heun_2_x0_sde"),
    )
)
"""ComfyUI's own samplers of these kinds."""


def has_own_pace(sampler_name: str) -> bool:
    """Whether a sampler, A1111's or the host's, makes of a schedule as many steps as it likes."""
    return SAMPLERS[sampler_name].own_pace if sampler_name in SAMPLERS else sampler_name in _HOST_OWN_PACE


def calls_per_step(sampler_name: str) -> int:
    """Model calls a step of a sampler, A1111's or the host's, by which prompt editing counts."""
    if sampler_name in SAMPLERS:
        return SAMPLERS[sampler_name].calls_per_step
    return 2 if sampler_name in _HOST_TWO_CALLS else 1


def automatic_schedule(sampler_name: str | None) -> str:
    """What A1111's texts say for Automatic with a sampler; Automatic itself where the sampler brings no schedule."""
    sampler = SAMPLERS.get(sampler_name or "")
    return (sampler and sampler.schedule) or AUTOMATIC


@dataclass(frozen=True)
class Schedule:
    """One line of A1111's schedule menu. Its function is in `schedules`."""

    name: str
    """What A1111's API calls it, which also takes the label."""

    aliases: tuple[str, ...] = ()
    default_rho: float | None = None
    """Exponent of the curve while the option `rho` is 0; None: it has none."""


SCHEDULES: dict[str, Schedule] = {
    AUTOMATIC: Schedule("automatic"),
    UNIFORM: Schedule("uniform"),
    "Karras": Schedule("karras", default_rho=7.0),
    "Exponential": Schedule("exponential"),
    "Polyexponential": Schedule("polyexponential", default_rho=1.0),
    "SGM Uniform": Schedule("sgm_uniform", ("SGMUniform",)),
    "KL Optimal": Schedule("kl_optimal"),
    "Align Your Steps": Schedule("align_your_steps"),
    "Simple": Schedule("simple"),
    "Normal": Schedule("normal"),
    "DDIM": Schedule("ddim"),
    "Beta": Schedule("beta"),
}
"""By label, in menu order. A1111's texts have the labels, whatever its API was given."""


LATENT_MODES: dict[str, tuple[str, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
"""Hires upscalers that work on the latent: torch's interpolation, and whether it is antialiased."""

NONE = "None"
"""A1111's name for no upscaler: only resizing, in its Extras tab nothing at all."""

FILTERS = (NONE, "Lanczos", "Nearest")
"""Upscalers that need no file."""


def second_is_seen(upscaler: str, visibility: float) -> bool:
    """Whether anything is seen of a second upscaler, whose result is laid over the first's."""
    return visibility > 0 and upscaler != NONE
