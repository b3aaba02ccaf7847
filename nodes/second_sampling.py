"""The second pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.plugins.hooks import hooks_state
from ..host.sampling.passes import sample_second
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    90,
    "second pass; connect another model, prompt or cfg to use it only here",
    a1111={
        "model": "Hires checkpoint",
        "positive": "Hires prompt",
        "negative": "Hires negative prompt",
        "cfg": "CFG Scale; Forge: Hires CFG Scale",
        "sampler_name": "Hires sampling method",
        "refiner": "Refiner",
    },
)
class HiresFixSecondSampling(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixSecondSampling",
            display_name="Second Sampling",
            category=inputs.CATEGORY,
            description="Second pass of hires fix: samples the enlarged latent from the noise that Re-noise added. "
            "Connect another model, prompt or cfg to use them in this pass only.",
            search_aliases=inputs.aliases(
                "ksampler, second pass, hires pass, hires sampler, hires checkpoint, img2img, refine"
            ),
            inputs=[
                inputs.model("second"),
                inputs.positive(),
                inputs.negative(),
                io.Latent.Input("latent", tooltip="The noised latent from Re-noise."),
                io.Sigmas.Input("sigmas", tooltip="The sigmas from Re-noise."),
                inputs.noise("Not added again: it only seeds samplers that draw noise in their steps."),
                inputs.cfg("as Base Sampling says."),
                inputs.sampler_name("that of Re-noise, which the sigmas are made for."),
                inputs.settings("Re-noise's, while the sampler is the same, else A1111's defaults"),
                inputs.refiner(),
                inputs.guider(),
                inputs.hooks("this pass"),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The finished large picture.")],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Another one when packs have other hooks."""
        return hooks_state()

    @classmethod
    def execute(cls, latent: dict[str, Any], sigmas: Any, **asked: Any) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            return io.NodeOutput(sample_second(latent, sigmas, **asked))
