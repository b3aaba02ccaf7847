"""The first pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.plugins.hooks import hooks_state
from ..host.sampling.job import job_of
from ..host.sampling.passes import sample_base
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    30,
    "first pass, at the size the model was trained for",
    a1111={
        "model": "Checkpoint",
        "steps": "Sampling steps",
        "refiner": "Refiner",
        **inputs.A1111_PROMPTS,
        **inputs.A1111_PASS,
    },
)
class HiresFixBaseSampling(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixBaseSampling",
            display_name="Base Sampling",
            category=inputs.CATEGORY,
            description="First pass of hires fix: samples the picture at the size that the model was trained for.",
            search_aliases=inputs.aliases("ksampler, first pass, txt2img, sampler, a1111, webui"),
            inputs=[
                inputs.model("first"),
                inputs.positive(),
                inputs.negative(),
                io.Latent.Input("latent", tooltip="An empty latent of the first pass's size."),
                inputs.noise("Gives the picture its start."),
                inputs.steps("Sampling steps of the first pass."),
                inputs.cfg(),
                inputs.sampler_name(),
                inputs.scheduler(),
                inputs.settings(),
                inputs.refiner(),
                inputs.guider(),
                inputs.hooks("this pass", "Before Every Sampling"),
            ],
            outputs=[io.Latent.Output(display_name="latent", tooltip="The finished small picture.")],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Another one when packs have other hooks."""
        return hooks_state()

    @classmethod
    def execute(
        cls, latent: dict[str, Any], steps: int, scheduler: str, hooks: Any = None, **asked: Any
    ) -> io.NodeOutput:
        with input_errors(cls, "latent"):
            return io.NodeOutput(sample_base(job_of(**asked), latent, steps, scheduler, hooks))
