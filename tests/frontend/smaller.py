"""A graph on the canvas made small enough for a CPU and for the test models, through its widgets."""

from __future__ import annotations

from typing import Any

from hires_pack.dev.demo.checkpoint import NAME as DEMO_CHECKPOINT
from hires_pack.dev.fixtures.upscalers import EXACT

from .editor import Editor

SMALL: dict[str, Any] = {"steps": 2, "hr_second_pass_steps": 0, "width": 64, "height": 48}
"""Widgets that are set wherever a node, or a blueprint, has them."""

STAND_INS = {"ckpt_name": DEMO_CHECKPOINT, "upscaler_name": EXACT[2], "model_name": EXACT[2]}
"""Instead of a model that the workflow names and the server does not have."""

_WIDGETS = """() => Object.fromEntries(window.app.graph.nodes.map((node) => [node.id, {
    type: node.type,
    title: node.title,
    widgets: Object.fromEntries((node.widgets ?? []).map((widget) => [widget.name, {
        value: widget.value, options: Array.isArray(widget.options?.values) ? widget.options.values : null,
    }])),
}]))"""


def make_small(editor: Editor, seed: int) -> None:
    """Set small sizes and few steps. `seed` tells the run from earlier ones, whose results the server still has."""
    values = {}
    for node_id, node in editor.page.evaluate(_WIDGETS).items():
        wanted = {**SMALL, "seed": seed, "noise_seed": seed}
        for name, widget in node["widgets"].items():
            if name in STAND_INS and widget["options"] is not None and widget["value"] not in widget["options"]:
                wanted[name] = STAND_INS[name]
        values[node_id] = {name: value for name, value in wanted.items() if name in node["widgets"]}
    editor.canvas.set_widgets({node_id: widgets for node_id, widgets in values.items() if widgets})
