"""What A1111's sampler names mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class A1111Sampler:
    """One line of A1111's sampler menu, for the k-diffusion samplers."""

    function: str
    """Name of the k-diffusion function, without `sample_`."""

    schedule: str = "Uniform"
    """What the schedule Automatic stands for."""

    discard_penultimate: bool = False
    """The schedule is built for one step more and its second-to-last sigma left out."""

    options: dict[str, Any] = field(default_factory=dict)
    """Fixed arguments of the function."""


A1111_SAMPLERS: dict[str, A1111Sampler] = {
    "DPM++ 2M": A1111Sampler("dpmpp_2m", "Karras"),
    "Euler": A1111Sampler("euler"),
    "LMS": A1111Sampler("lms"),
    "Heun": A1111Sampler("heun"),
    "DPM2": A1111Sampler("dpm_2", "Karras", discard_penultimate=True),
}
"""A1111's menu names, in menu order."""
