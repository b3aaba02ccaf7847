"""What LDSR asks people for."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.ldsr import DOWNSAMPLE, TRAINED_STEPS, Downsample, LdsrSettings
from ..host.upscaling.upscalers import with_ldsr_settings
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    65,
    "steps, noise, input size and seed of the upscaler LDSR",
    a1111={"upscaler": "Upscaler: LDSR", "steps": "LDSR processing steps. Lower = faster"},
)
class HiresFixLdsrSettings(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixLdsrSettings",
            display_name="LDSR Settings",
            category=inputs.CATEGORY,
            description="Steps, noise, input size and seed of LDSR, the upscaler that is a small diffusion model. "
            "Between Load Upscaler and the node that enlarges; without it LDSR has A1111's defaults.",
            search_aliases=inputs.aliases(
                "ldsr, latent diffusion super resolution, ldsr steps, diffusion upscaler, super-resolution"
            ),
            inputs=[
                inputs.UpscalerType.Input("upscaler", tooltip="LDSR, from Load Upscaler: a file of models/LDSR."),
                io.Int.Input(
                    "steps",
                    default=LdsrSettings.steps,
                    min=1,
                    max=TRAINED_STEPS,
                    tooltip="Steps of every window. 20 are quick, 50 to 100 good. As in A1111 they are whole divisions "
                    "of 1000, so some numbers give more: 30 give 31, 60 give 63.",
                ),
                inputs.share(
                    "eta",
                    LdsrSettings.eta,
                    "How much of the noise is drawn anew in each step. 1, as in A1111: texture; 0: none, smoother.",
                ),
                inputs.choice(
                    "downsample",
                    DOWNSAMPLE,
                    "LDSR always enlarges 4 times. A1111: the picture goes in at a quarter of the size to reach, so "
                    "for less than 4 times it is made smaller first. never: it is not, which keeps more of it and "
                    "takes up to 16 times as long.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise, the same for every picture of a batch. A1111's Extras tab has none.",
                ),
            ],
            outputs=[
                inputs.UpscalerType.Output(display_name="upscaler", tooltip="The same upscaler with these settings.")
            ],
        )

    @classmethod
    def execute(cls, upscaler: Any, steps: int, eta: float, downsample: Downsample, seed: int) -> io.NodeOutput:
        with input_errors(cls, "upscaler"):
            return io.NodeOutput(with_ldsr_settings(upscaler, LdsrSettings(steps, eta, downsample, seed)))
