"""Other values for a second pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.same import SAME_SAMPLER, SAME_SCHEDULER
from ..host.plugins.changes import Changes, GraphHook, graph_hook
from . import inputs
from .registry import PackNode, node

_NAME = "Before Second Pass"


@node(
    212,
    "other values for second passes, by their size: for the stages of Multi-Stage Upscale, windows of Tiled Redraw",
    a1111={"hooks": "before_hr"},
)
class HiresFixBeforeSecondPass(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixBeforeSecondPass",
            display_name=_NAME,
            category=inputs.CATEGORY,
            description="A1111's before_hr: what is set here takes the place of a second pass's own values, after the "
            "picture was enlarged and its noise drawn. For that pass alone, and if you like only for passes of a size, "
            "such as the last stage of Multi-Stage Upscale.",
            search_aliases=["before_hr", "hook", "per stage", "different cfg per stage", "second pass settings"],
            inputs=[
                inputs.cfg("the pass's own."),
                inputs.sampler_name("the pass's own."),
                inputs.scheduler("the pass's own."),
                inputs.steps("Sampling steps; 0: the pass's own.", default=0, least=0),
                io.Float.Input(
                    "denoising_strength",
                    default=-1.0,
                    min=-1.0,
                    max=1.0,
                    step=0.01,
                    round=0.001,
                    tooltip="How much may change: 0 nothing, 1 everything. Below 0: the pass's own.",
                ),
                *inputs.sides(),
                io.Model.Input("model", optional=True, tooltip="Samples in place of the pass's own model."),
                io.Conditioning.Input("positive", optional=True, tooltip="In place of the pass's own prompt."),
                io.Conditioning.Input("negative", optional=True, tooltip="In place of the pass's own negative prompt."),
                io.Noise.Input(
                    "noise", optional=True, tooltip="Drawn in place of the pass's own noise. Not for Tiled Redraw."
                ),
                inputs.hooks("the passes, before this"),
            ],
            outputs=[inputs.HooksType.Output(display_name="hooks", tooltip=inputs.HOOKS_OUTPUT)],
        )

    @classmethod
    def execute(
        cls,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        steps: int,
        denoising_strength: float,
        from_side: int,
        to_side: int,
        noise: Any = None,
        hooks: Any = None,
        **wired: Any,
    ) -> io.NodeOutput:
        changes = Changes(
            **wired,
            cfg=cfg if cfg >= 0 else None,
            sampler_name=None if sampler_name == SAME_SAMPLER else sampler_name,
            scheduler=None if scheduler == SAME_SCHEDULER else scheduler,
            steps=steps or None,
            denoising_strength=denoising_strength if denoising_strength >= 0 else None,
        )
        hook = graph_hook("before_hr", GraphHook(changes, noise, from_side, to_side), _NAME)
        return io.NodeOutput((*(hooks or ()), hook))
