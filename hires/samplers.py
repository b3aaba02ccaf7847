"""What A1111's sampler names mean."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class A1111Sampler:
    """One line of A1111's sampler menu, for the k-diffusion samplers."""

    function: str
    """Name of the k-diffusion function, without `sample_`."""

    schedule: str = "Uniform"
    """What the schedule Automatic stands for."""

    discard_penultimate: bool = False
    """The schedule is built for one step more and its second-to-last sigma left out."""

    draws_noise: bool = False
    """Ancestral: every step adds noise, drawn from the same per-image generators as the start noise."""


A1111_SAMPLERS: dict[str, A1111Sampler] = {
    "DPM++ 2M": A1111Sampler("dpmpp_2m", "Karras"),
    "DPM++ 2S a": A1111Sampler("dpmpp_2s_ancestral", "Karras", draws_noise=True),
    "Euler a": A1111Sampler("euler_ancestral", draws_noise=True),
    "Euler": A1111Sampler("euler"),
    "Heun": A1111Sampler("heun"),
    "DPM2": A1111Sampler("dpm_2", "Karras", discard_penultimate=True),
    "DPM2 a": A1111Sampler("dpm_2_ancestral", "Karras", discard_penultimate=True, draws_noise=True),
}
"""A1111's menu names, in menu order: those for which a function of the host gives A1111's numbers."""
