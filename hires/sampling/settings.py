"""A1111's sampling settings: the options of its settings pages that change pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

NOISE_SCHEDULES = DEFAULT_NOISE_SCHEDULE, ZERO_TERMINAL_SNR = ("Default", "Zero Terminal SNR")


def _option(default: Any, label: str, infotext: str = "") -> Any:
    """A default, what A1111's settings page calls the option, and its key in generation texts, if it has one."""
    return field(default=default, metadata={"label": label, "infotext": infotext})


@dataclass(frozen=True)
class A1111Settings:
    """Names and defaults of the fields are those of A1111's options, in its API as well.

    Only samplers and schedulers under A1111's names look at them. The order is that of the keys in A1111's texts.
    """

    always_discard_next_to_last_sigma: bool = _option(
        False, "Always discard next-to-last sigma", "Discard penultimate sigma"
    )
    """Build every schedule one step longer and leave its second-to-last sigma out."""

    eta_ancestral: float = _option(1.0, "Eta for k-diffusion samplers", "Eta")
    """Noise multiplier of samplers that draw noise in their steps; 0 makes them deterministic."""

    eta_ddim: float = _option(0.0, "Eta for DDIM", "Eta DDIM")
    s_churn: float = _option(0.0, "sigma churn", "Sigma churn")
    """Stochasticity of Euler, Heun and DPM2 (Karras et al. 2022, algorithm 2)."""

    s_tmin: float = _option(0.0, "sigma tmin", "Sigma tmin")
    """Smallest sigma at which `s_churn` works."""

    s_tmax: float = _option(0.0, "sigma tmax", "Sigma tmax")
    """Largest sigma at which `s_churn` works; 0 means no limit."""

    s_noise: float = _option(1.0, "sigma noise", "Sigma noise")
    """Factor on the noise that steps add."""

    sgm_noise_multiplier: bool = _option(False, "SGM noise multiplier", "SGM noise multiplier")
    """Start the first pass with `noise * sqrt(1 + sigma^2)`."""

    sigma_min: float = _option(0.0, "sigma min", "Schedule min sigma")
    """Smallest sigma of schedules; 0 means the model's."""

    sigma_max: float = _option(0.0, "sigma max", "Schedule max sigma")
    """Largest sigma of schedules; 0 means the model's."""

    rho: float = _option(0.0, "rho", "Schedule rho")
    """Exponent of Karras and Polyexponential; 0 means their own (7 and 1)."""

    beta_dist_alpha: float = _option(0.6, "Beta scheduler - alpha", "Beta schedule alpha")
    beta_dist_beta: float = _option(0.6, "Beta scheduler - beta", "Beta schedule beta")
    """Shape of the Beta schedule's distribution."""

    s_min_uncond: float = _option(0.0, "Negative Guidance minimum sigma (NGMS)", "NGMS")
    """Below this sigma every second step goes without the negative prompt."""

    s_min_uncond_all: bool = _option(False, "Negative Guidance minimum sigma all steps", "NGMS all steps")
    """Below `s_min_uncond`, every step goes without it."""

    skip_early_cond: float = _option(0.0, "Ignore negative prompt during early sampling", "Skip Early CFG")
    """Share of the steps at the start that go without the negative prompt."""

    uni_pc_variant: str = _option("bh1", "UniPC variant", "UniPC variant")
    uni_pc_skip_type: str = _option("time_uniform", "UniPC skip type", "UniPC skip type")
    uni_pc_order: int = _option(3, "UniPC order", "UniPC order")
    uni_pc_lower_order_final: bool = _option(True, "UniPC lower order final", "UniPC lower order final")
    img2img_extra_noise: float = _option(0.0, "Extra noise multiplier for img2img and hires fix", "Extra noise")
    """Extra noise for the second pass, in units of the start noise."""

    initial_noise_multiplier: float = _option(1.0, "Noise multiplier for img2img", "Noise multiplier")
    """Factor on the start noise of img2img, see `StepsRule`; hires fix does not look at it."""

    img2img_fix_steps: bool = _option(False, "With img2img, do exactly the amount of steps the slider specifies.")
    """Count the steps of img2img as those of hires fix."""

    use_downcasted_alpha_bar: bool = _option(
        False, "Downcast model alphas_cumprod to fp16 before sampling", "Downcast alphas_cumprod"
    )
    """Round the noise schedule to half precision, as A1111 did before 1.8."""

    sd_noise_schedule: str = _option(DEFAULT_NOISE_SCHEDULE, "Noise schedule for sampling", "Noise Schedule")
    """One of `NOISE_SCHEDULES`: the model's, or rescaled so that it ends in pure noise."""

    use_old_karras_scheduler_sigmas: bool = _option(False, "Use old karras scheduler sigmas (0.1 to 10)")
    """Schedules between the sigmas 0.1 and 10, as A1111 did before 2023."""

    enable_quantization: bool = _option(False, "Enable quantization in K samplers")
    """Round timesteps to whole ones."""

    @property
    def churn_limit(self) -> float:
        """`s_tmax` as samplers want it."""
        return self.s_tmax or float("inf")


DEFAULTS: dict[str, Any] = {option.name: option.default for option in fields(A1111Settings)}
LABELS: dict[str, str] = {option.name: option.metadata["label"] for option in fields(A1111Settings)}
"""By option: what A1111's settings page calls it."""

INFOTEXT_KEYS: dict[str, str] = {
    option.metadata["infotext"]: option.name for option in fields(A1111Settings) if option.metadata["infotext"]
}
"""Key of generation texts -> option, in the order of A1111's texts."""
