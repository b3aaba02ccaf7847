"""A1111's settings pages, as far as they change pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from comfy_api.latest import io

from ..hires.sampling.settings import DEFAULTS, LABELS, NOISE_SCHEDULES, A1111Settings
from . import inputs
from .registry import PackNode, node


@node(200, "A1111's sampling settings (eta, churn, sigma range, UniPC, NGMS, …) for its samplers", a1111=LABELS)
class HiresFixA1111Settings(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixA1111Settings",
            display_name="A1111 Settings",
            category=inputs.CATEGORY,
            description="A1111's sampling settings under A1111's option names. Connect it to Base Sampling, Re-noise "
            "and Second Sampling alike. Only capitalised samplers and schedulers look at it.",
            search_aliases=inputs.aliases(
                "eta, sigma churn, rho, sigma min, uni pc, ngms, extra noise, options, sampler settings, "
                "zero terminal snr, automatic1111, webui"
            ),
            inputs=[
                _number("eta_ancestral", 10.0, "Noise multiplier of ancestral and SDE samplers; 0 adds no noise."),
                _number("eta_ddim", 10.0, "Noise multiplier of DDIM."),
                _number("s_churn", 100.0, "Sigma churn: noise that Euler, Heun and DPM2 add and remove in each step."),
                _number("s_tmin", 1000.0, "Sigma tmin: churn only above this sigma."),
                _number("s_tmax", 1000.0, "Sigma tmax: churn only below this sigma; 0 is no limit."),
                _number("s_noise", 10.0, "Sigma noise: factor on the noise of the steps."),
                _number("sigma_min", 1000.0, "Smallest sigma of the schedule; 0 is the model's."),
                _number("sigma_max", 1000.0, "Largest sigma of the schedule; 0 is the model's."),
                _number("rho", 100.0, "Steepness of Karras and Polyexponential; 0 is their own (7 and 1)."),
                _switch("always_discard_next_to_last_sigma", "Leave the second-to-last sigma out of every schedule."),
                _switch("use_old_karras_scheduler_sigmas", "Schedules between the sigmas 0.1 and 10, as before 2023."),
                _number("beta_dist_alpha", 10.0, "Beta schedule, alpha.", least=0.01),
                _number("beta_dist_beta", 10.0, "Beta schedule, beta.", least=0.01),
                _switch("sgm_noise_multiplier", "SGM noise multiplier: start the first pass as SDXL's reference does."),
                _number("img2img_extra_noise", 10.0, "Extra noise for the second pass."),
                _number("s_min_uncond", 1000.0, "Negative guidance minimum sigma: skip the negative prompt below it."),
                _switch("s_min_uncond_all", "Skip it in all those steps; off: in every second one."),
                _number("skip_early_cond", 1.0, "Share of the steps at the start without the negative prompt."),
                _choice("uni_pc_variant", ["bh1", "bh2", "vary_coeff"], "UniPC variant."),
                _choice("uni_pc_skip_type", ["time_uniform", "time_quadratic", "logSNR"], "UniPC spacing of time."),
                io.Int.Input(
                    "uni_pc_order",
                    default=DEFAULTS["uni_pc_order"],
                    min=1,
                    max=50,
                    tooltip="UniPC order, below the steps.",
                ),
                _switch("uni_pc_lower_order_final", "UniPC: lower order in the last steps."),
                _choice(
                    "sd_noise_schedule",
                    NOISE_SCHEDULES,
                    "Zero Terminal SNR is for models trained with it; others give garbage.",
                ),
                _switch("use_downcasted_alpha_bar", "Round the noise schedule to half precision, as before 1.8."),
                _switch("enable_quantization", "Round timesteps, for sharper results with DPM++ at few steps."),
                _number(
                    "initial_noise_multiplier",
                    10.0,
                    "Factor on the start noise, where steps_rule of Re-noise is img2img.",
                    optional=True,
                ),
                _switch(
                    "img2img_fix_steps",
                    "Run all steps whatever the strength, where steps_rule of Re-noise is img2img.",
                    optional=True,
                ),
            ],
            outputs=[
                inputs.SettingsType.Output(
                    display_name="settings", tooltip="For Base Sampling, Re-noise and Second Sampling."
                )
            ],
        )

    @classmethod
    def execute(cls, **options: Any) -> io.NodeOutput:
        return io.NodeOutput(A1111Settings(**options))


def _number(name: str, most: float, tooltip: str, least: float = 0.0, optional: bool = False) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=DEFAULTS[name],
        min=least,
        max=most,
        step=0.01,
        round=0.0001,
        tooltip=tooltip,
        optional=optional,
    )


def _switch(name: str, tooltip: str, optional: bool = False) -> io.Boolean.Input:
    return io.Boolean.Input(name, default=DEFAULTS[name], tooltip=tooltip, optional=optional)


def _choice(name: str, options: Iterable[str], tooltip: str) -> io.Combo.Input:
    return io.Combo.Input(name, options=list(options), default=DEFAULTS[name], tooltip=tooltip)
