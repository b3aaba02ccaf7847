"""A second model that takes over on the way."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.sampling.guidance import Refiner
from . import inputs
from .registry import PackNode, node


@node(
    210,
    "a second model that takes over on the way, in the pass it is connected to",
    a1111={
        "model": "Refiner: Checkpoint",
        "switch_at": "Switch at",
        "by_steps": "Switch to refiner by sampling steps instead of model timesteps",
    },
)
class HiresFixRefiner(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixRefiner",
            display_name="Refiner",
            category=inputs.CATEGORY,
            description="A second model that takes over part of the way through a pass, as A1111's refiner does. "
            "Connect it to the pass that it should work in; A1111's default is the second.",
            search_aliases=["refiner checkpoint", "sdxl refiner", "switch at", "switch model", "second model"],
            inputs=[
                io.Model.Input("model", tooltip="The model that takes over."),
                io.Conditioning.Input("positive", tooltip="The prompt, encoded for that model."),
                io.Conditioning.Input("negative", tooltip="The negative prompt, encoded for that model."),
                inputs.share(
                    "switch_at",
                    0.8,
                    "A1111's 'Switch at': share of the way from pure noise to the picture. A second pass "
                    "starts near 1 - denoising strength, so it may switch at once.",
                ),
                io.Boolean.Input(
                    "by_steps",
                    default=False,
                    advanced=True,
                    tooltip="Count the way in sampling steps of the pass. Off: in noise levels, A1111's default.",
                ),
            ],
            outputs=[
                inputs.RefinerType.Output(display_name="refiner", tooltip="For Base Sampling or Second Sampling.")
            ],
        )

    @classmethod
    def execute(cls, model: Any, positive: Any, negative: Any, switch_at: float, by_steps: bool) -> io.NodeOutput:
        return io.NodeOutput(Refiner(model, positive, negative, switch_at, by_steps))
