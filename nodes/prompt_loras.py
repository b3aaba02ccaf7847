"""LoRAs by the tags of a prompt."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.prompts.lora_files import LARGEST
from ..host.prompts.loras import load_loras, lora_names, loras_of
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    15,
    "LoRAs by the tags of a prompt, `<lora:name:0.8>`, or from a list, for the pass whose prompt it is",
    a1111={"text": "Prompt, Hires prompt", "lora_name": "Add network to prompt"},
)
class HiresFixPromptLoras(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixPromptLoras",
            display_name="LoRAs in Prompt",
            category=inputs.CATEGORY,
            description="Loads the LoRAs that a prompt names as A1111 writes them, <lora:name:0.8>, into the model and "
            "the text encoder, and hands on the prompt without these tags. One for each pass that has a prompt of its "
            "own.",
            search_aliases=inputs.aliases("lora, lora tag, lora loader, load lora, lyco, locon, prompt, hires prompt"),
            inputs=[
                io.Model.Input("model", tooltip="The diffusion model as its loader gives it."),
                io.Clip.Input("clip", tooltip="Its text encoder."),
                io.String.Input(
                    "text",
                    multiline=True,
                    tooltip="The prompt, with tags: <lora:name:0.8>, or <lora:name:0.8:0.6> with a strength for the "
                    "text encoder and one for the model. The name is that of a file in models/loras, with or without "
                    "its folder and ending. Tags of one LoRA add up.",
                ),
                inputs.choice(
                    "lora_name",
                    lora_names(),
                    "One more, from the list of the files in models/loras; unless the prompt names it.",
                ),
                io.Float.Input(
                    "lora_strength",
                    default=1.0,
                    min=-LARGEST,
                    max=LARGEST,
                    step=0.05,
                    round=0.001,
                    tooltip="Strength of lora_name. 0: not loaded; below 0 it does the opposite.",
                ),
                io.String.Input(
                    "instead_of_empty",
                    optional=True,
                    force_input=True,
                    tooltip="Used in place of an empty text. Link the first pass's prompt to it: an empty hires prompt "
                    "then stands for that, as in A1111.",
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="For the sampling of the pass whose prompt this is."),
                io.Clip.Output(display_name="clip", tooltip="For this pass's prompt and negative prompt."),
                io.String.Output(display_name="text", tooltip="The prompt without tags, for A1111 Prompt."),
            ],
        )

    @classmethod
    def execute(
        cls, model: Any, clip: Any, text: str, lora_name: str, lora_strength: float, instead_of_empty: str = ""
    ) -> io.NodeOutput:
        with input_errors(cls, "text"):
            asked = loras_of(text if text.strip() else instead_of_empty, lora_name, lora_strength)
            return io.NodeOutput(*load_loras(model, clip, asked), asked.text)
