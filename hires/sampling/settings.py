"""A1111's sampling settings: the options of its settings pages that change pictures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class A1111Settings:
    """Option names and defaults are A1111's. Only samplers and schedulers under A1111's names look at them."""

    eta_ancestral: float = 1.0
    """Noise multiplier of samplers that draw noise in their steps; 0 makes them deterministic."""

    eta_ddim: float = 0.0
    """The same for DDIM."""

    s_churn: float = 0.0
    """Stochasticity of Euler, Heun and DPM2 (Karras et al. 2022, algorithm 2)."""

    s_tmin: float = 0.0
    """Smallest sigma at which `s_churn` works."""

    s_tmax: float = 0.0
    """Largest sigma at which `s_churn` works; 0 means no limit."""

    s_noise: float = 1.0
    """Factor on the noise that steps add."""

    sigma_min: float = 0.0
    """Smallest sigma of schedules; 0 means the model's."""

    sigma_max: float = 0.0
    """Largest sigma of schedules; 0 means the model's."""

    rho: float = 0.0
    """Exponent of Karras and Polyexponential; 0 means their own (7 and 1)."""

    always_discard_next_to_last_sigma: bool = False
    """Build every schedule one step longer and leave its second-to-last sigma out."""

    use_old_karras_scheduler_sigmas: bool = False
    """Schedules between the sigmas 0.1 and 10, as A1111 did before 2023."""

    beta_dist_alpha: float = 0.6
    beta_dist_beta: float = 0.6
    """Shape of the Beta schedule's distribution."""

    sgm_noise_multiplier: bool = False
    """Start the first pass with `noise * sqrt(1 + sigma^2)`."""

    img2img_extra_noise: float = 0.0
    """Extra noise for the second pass, in units of the start noise."""

    s_min_uncond: float = 0.0
    """Negative guidance minimum sigma: below it every second step goes without the negative prompt."""

    s_min_uncond_all: bool = False
    """Below `s_min_uncond`, every step goes without it."""

    skip_early_cond: float = 0.0
    """Share of the steps at the start that go without the negative prompt."""

    uni_pc_variant: str = "bh1"
    uni_pc_skip_type: str = "time_uniform"
    uni_pc_order: int = 3
    uni_pc_lower_order_final: bool = True
    """UniPC's own options."""

    zero_terminal_snr: bool = False
    """A1111's `sd_noise_schedule`: rescale the noise schedule so that it ends in pure noise."""

    use_downcasted_alpha_bar: bool = False
    """Round the noise schedule to half precision, as A1111 did before 1.8."""

    enable_quantization: bool = False
    """Round timesteps to whole ones."""

    @property
    def churn_limit(self) -> float:
        """`s_tmax` as samplers want it."""
        return self.s_tmax or float("inf")
