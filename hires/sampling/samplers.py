"""What A1111's sampler names mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from . import k_samplers, timestep_samplers


@dataclass(frozen=True)
class A1111Sampler:
    """One line of A1111's sampler menu."""

    function: str | Callable[..., Any]
    """A function with k-diffusion's signature, or the name of the host's, without `sample_`."""

    schedule: str = "Uniform"
    """What the schedule Automatic stands for."""

    noise: Literal["none", "image", "brownian"] = "none"
    """Where the noise of its steps comes from: nowhere, the images' own generators, or Brownian trees."""

    discard_penultimate: bool = False
    """The schedule is built for one step more and its second-to-last sigma left out."""

    second_order: bool = False
    """Two model calls a step: prompt editing counts the steps twice."""

    takes: tuple[str, ...] = ()
    """A1111's options that the function has an argument for."""

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

A1111_SAMPLERS: dict[str, A1111Sampler] = {
    "DPM++ 2M": A1111Sampler("dpmpp_2m", "Karras"),
    "DPM++ SDE": A1111Sampler("dpmpp_sde", "Karras", "brownian", second_order=True, takes=_ETA),
    "DPM++ 2M SDE": A1111Sampler("dpmpp_2m_sde", "Exponential", "brownian", takes=_ETA),
    "DPM++ 2M SDE Heun": A1111Sampler("dpmpp_2m_sde_heun", "Exponential", "brownian", takes=_ETA),
    "DPM++ 2S a": A1111Sampler("dpmpp_2s_ancestral", "Karras", "image", second_order=True, takes=_ETA),
    "DPM++ 3M SDE": A1111Sampler("dpmpp_3m_sde", "Exponential", "brownian", discard_penultimate=True, takes=_ETA),
    "Euler a": A1111Sampler("euler_ancestral", noise="image", takes=("eta",)),
    "Euler": A1111Sampler(k_samplers.sample_euler, noise="image", takes=_CHURN),
    "LMS": A1111Sampler(k_samplers.sample_lms),
    "Heun": A1111Sampler(k_samplers.sample_heun, noise="image", second_order=True, takes=_CHURN),
    "DPM2": A1111Sampler(
        k_samplers.sample_dpm_2, "Karras", "image", discard_penultimate=True, second_order=True, takes=_CHURN
    ),
    "DPM2 a": A1111Sampler(
        "dpm_2_ancestral", "Karras", "image", discard_penultimate=True, second_order=True, takes=_ETA
    ),
    "DPM fast": A1111Sampler("dpm_fast", noise="image", takes=_ETA, sigma_only=True),
    "DPM adaptive": A1111Sampler("dpm_adaptive", noise="image", takes=("eta",), sigma_only=True),
    "Restart": A1111Sampler(k_samplers.sample_restart, "Karras", "image", second_order=True, sigma_only=True),
    "DDIM": A1111Sampler(timestep_samplers.sample_ddim, noise="image", walks_timesteps=True),
    "DDIM CFG++": A1111Sampler(timestep_samplers.sample_ddim, noise="image", walks_timesteps=True, guidance_plus=True),
    "PLMS": A1111Sampler(timestep_samplers.sample_plms, walks_timesteps=True),
    "UniPC": A1111Sampler("uni_pc", walks_timesteps=True),
    "LCM": A1111Sampler(k_samplers.sample_lcm, noise="image", consistency=True),
}
"""A1111's menu names, in menu order."""
