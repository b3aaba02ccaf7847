"""Styles, pieces of prompts under a name."""

from __future__ import annotations

from comfy_api.latest import io

from ..hires.prompts.styles import StyleError
from ..host.prompts.styles import NONE, prompts_with_styles, style_names, styles_version
from . import inputs
from .errors import input_errors
from .registry import PackNode, node

_STYLES = ("style_1", "style_2", "style_3", "style_4")


@node(
    12,
    "A1111's styles from styles.csv, added to the prompts of both passes",
    a1111={
        "prompt": "Prompt",
        "negative_prompt": "Negative prompt",
        **dict.fromkeys(_STYLES, "Styles"),
        "hr_prompt": "Hires prompt",
        "hr_negative_prompt": "Hires negative prompt",
    },
)
class HiresFixStyles(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        names = style_names()
        tooltip = "A style of styles.csv. Styles are added one after the other."
        return io.Schema(
            node_id="HiresFixStyles",
            display_name="Styles (styles.csv)",
            category=inputs.CATEGORY,
            description="Adds A1111's styles to prompts. Put your styles.csv into ComfyUI's folder user/default (or "
            "user, models, models/styles). Where a style says {prompt}, the prompt is put in; others stand behind it.",
            search_aliases=inputs.aliases(
                "styles, styles.csv, prompt styles, style selector, prompt template, presets"
            ),
            inputs=[
                io.String.Input("prompt", multiline=True, tooltip="The prompt."),
                io.String.Input("negative_prompt", multiline=True, tooltip="The negative prompt."),
                *(inputs.choice(name, names, tooltip) for name in _STYLES),
                io.String.Input(
                    "hr_prompt",
                    multiline=True,
                    optional=True,
                    advanced=True,
                    tooltip="The second pass's prompt. Empty: the prompt. It gets the same styles, as in A1111.",
                ),
                io.String.Input(
                    "hr_negative_prompt",
                    multiline=True,
                    optional=True,
                    advanced=True,
                    tooltip="The second pass's negative prompt. Empty: the negative prompt.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="prompt", tooltip="For the text of LoRAs in Prompt or A1111 Prompt."),
                io.String.Output(display_name="negative_prompt", tooltip="For the text of A1111 Prompt."),
                io.String.Output(display_name="hr_prompt", tooltip="The same for the second pass."),
                io.String.Output(display_name="hr_negative_prompt", tooltip="The same for the second pass."),
            ],
        )

    @classmethod
    def validate_inputs(
        cls,
        style_1: str | None = None,
        style_2: str | None = None,
        style_3: str | None = None,
        style_4: str | None = None,
    ) -> bool | str:
        """Say where a missing one was looked for."""
        try:
            prompts_with_styles([], [name for name in (style_1, style_2, style_3, style_4) if name is not None])
        except StyleError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, **inputs: str | None) -> str:
        """Run again when a style has changed. What comes by a link is None."""
        return styles_version([inputs.get(name) for name in _STYLES])

    @classmethod
    def execute(
        cls,
        prompt: str,
        negative_prompt: str,
        style_1: str = NONE,
        style_2: str = NONE,
        style_3: str = NONE,
        style_4: str = NONE,
        hr_prompt: str = "",
        hr_negative_prompt: str = "",
    ) -> io.NodeOutput:
        hires = hr_prompt.strip() or prompt, hr_negative_prompt.strip() or negative_prompt
        with input_errors(cls, "style_1"):
            texts = prompts_with_styles([(prompt, negative_prompt), hires], [style_1, style_2, style_3, style_4])
            return io.NodeOutput(*texts)
