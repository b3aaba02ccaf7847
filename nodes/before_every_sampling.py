"""Other values for any pass."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.plugins.changes import Changes, GraphHook, graph_hook
from . import inputs
from .registry import PackNode, node

_NAME = "Before Every Sampling"


@node(
    214,
    "another model, prompt or cfg for any pass, by its size",
    a1111={"hooks": "process_before_every_sampling"},
)
class HiresFixBeforeEverySampling(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixBeforeEverySampling",
            display_name=_NAME,
            category=inputs.CATEGORY,
            description="A1111's process_before_every_sampling: what is set here takes the place of the values of any "
            "pass that it is connected to, right before it samples. Steps and sigmas are fixed by then: Before Second "
            "Pass changes them.",
            search_aliases=["process_before_every_sampling", "hook", "per pass", "different prompt per stage"],
            inputs=[
                inputs.cfg("the pass's own."),
                *inputs.sides(),
                io.Model.Input("model", optional=True, tooltip="Samples in place of the pass's own model."),
                io.Conditioning.Input("positive", optional=True, tooltip="In place of the pass's own prompt."),
                io.Conditioning.Input("negative", optional=True, tooltip="In place of the pass's own negative prompt."),
                inputs.hooks("the passes, before this"),
            ],
            outputs=[inputs.HooksType.Output(display_name="hooks", tooltip=inputs.HOOKS_OUTPUT)],
        )

    @classmethod
    def execute(cls, cfg: float, from_side: int, to_side: int, hooks: Any = None, **wired: Any) -> io.NodeOutput:
        function = GraphHook(Changes(**wired, cfg=cfg if cfg >= 0 else None), None, from_side, to_side)
        return io.NodeOutput((*(hooks or ()), graph_hook("process_before_every_sampling", function, _NAME)))
