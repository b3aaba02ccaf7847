"""Noise of both passes."""

from __future__ import annotations

from comfy_api.latest import io

from ..hires.sampling.noise import Variation
from ..hires.sizes.image_sizes import A1111_CELL, MAX_SIDE
from ..host.sampling.noise import make_noise
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    10,
    "the seed, as a NOISE that also fits core's nodes; picture *i* of a batch gets seed + *i*",
    a1111={
        "seed": "Seed",
        "source": "Random number generator source",
        "subseed": "Variation seed",
        "subseed_strength": "Variation strength",
        "seed_resize_from_w": "Resize seed from width",
        "seed_resize_from_h": "Resize seed from height",
        "eta_noise_seed_delta": "Eta noise seed delta (ENSD)",
    },
)
class HiresFixNoise(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixNoise",
            display_name="Seed and Noise",
            category=inputs.CATEGORY,
            description="The noise of a seed. Connect it to both passes: each draws it afresh at its own size.",
            search_aliases=inputs.aliases(
                "seed, rng, random noise, a1111 noise, hires fix seed, batch seed, variation seed, subseed, ensd, "
                "randomise, randomize"
            ),
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the first picture; the others of a batch get seed+1, seed+2 …, as in A1111.",
                ),
                inputs.choice(
                    "source",
                    ["GPU", "CPU", "ComfyUI"],
                    "Random number generator. GPU: what A1111 draws on an NVIDIA card, computed on the CPU "
                    "(its NV setting). CPU: A1111's CPU setting. ComfyUI: KSampler's noise, one stream for the batch.",
                ),
                io.Int.Input(
                    "subseed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    optional=True,
                    advanced=True,
                    tooltip="A1111's variation seed. With a variation strength it counts up within a batch, "
                    "and the seed stays.",
                ),
                inputs.share(
                    "subseed_strength",
                    0.0,
                    "A1111's variation strength: 0 is the seed's picture, 1 the variation seed's.",
                    optional=True,
                    advanced=True,
                ),
                _resize("w", "width"),
                _resize("h", "height"),
                io.Int.Input(
                    "eta_noise_seed_delta",
                    default=0,
                    min=0,
                    max=0xFFFFFFFF,
                    optional=True,
                    advanced=True,
                    tooltip="A1111's ENSD: added to the seed for the noise of ancestral samplers' steps. "
                    "NovelAI pictures used 31337.",
                ),
            ],
            outputs=[io.Noise.Output(display_name="noise", tooltip="Fits every core node with a noise input, too.")],
        )

    @classmethod
    def execute(
        cls,
        seed: int,
        source: str,
        subseed: int = 0,
        subseed_strength: float = 0.0,
        seed_resize_from_w: int = 0,
        seed_resize_from_h: int = 0,
        eta_noise_seed_delta: int = 0,
    ) -> io.NodeOutput:
        cells = (seed_resize_from_w // A1111_CELL, seed_resize_from_h // A1111_CELL)
        with input_errors(cls, "source"):
            variation = Variation(subseed, subseed_strength, cells, eta_noise_seed_delta)
            return io.NodeOutput(make_noise(seed, source, variation))


def _resize(letter: str, side: str) -> io.Int.Input:
    return io.Int.Input(
        f"seed_resize_from_{letter}",
        default=0,
        min=0,
        max=MAX_SIDE,
        step=8,
        optional=True,
        advanced=True,
        tooltip=f"A1111's seed resize: {side} of the picture whose layout to keep at another size. 0: off.",
    )
