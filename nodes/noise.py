"""Noise of both passes."""

from __future__ import annotations

from comfy_api.latest import io

from ..host.noise import make_noise
from .inputs import CATEGORY


class HiresFixNoise(io.ComfyNode):
    """The seed, as a NOISE object."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs and outputs."""
        return io.Schema(
            node_id="HiresFixNoise",
            display_name="Hires Fix Noise",
            category=CATEGORY,
            description="The noise of a seed. Connect it to both passes: each draws it afresh at its own size.",
            search_aliases=["seed", "rng", "random noise", "a1111 noise", "hires fix seed", "batch seed"],
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the first picture; the others of a batch get seed+1, seed+2 …, as in A1111.",
                ),
                io.Combo.Input(
                    "source",
                    options=["GPU", "CPU", "ComfyUI"],
                    default="GPU",
                    tooltip="Random number generator. GPU: what A1111 draws on an NVIDIA card, computed on the CPU "
                    "(its NV setting). CPU: A1111's CPU setting. ComfyUI: KSampler's noise, one stream for the batch.",
                ),
            ],
            outputs=[io.Noise.Output(display_name="noise", tooltip="Fits every core node with a noise input, too.")],
        )

    @classmethod
    def execute(cls, seed: int, source: str) -> io.NodeOutput:
        """Make the noise object; nothing is drawn yet."""
        return io.NodeOutput(make_noise(seed, source))
