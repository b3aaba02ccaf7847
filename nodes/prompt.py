"""Prompts with A1111's syntax."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.prompts.counting import EITHER, PASSES, Counting
from ..hires.prompts.weights import EMPHASIS_MODES
from ..hires.sampling.same import SAME_SAMPLER, SAME_STEPS
from ..host.progress import show_text
from ..host.prompts.later import encode_for_pass, is_for_later
from ..host.prompts.text import TextSettings, left_out
from ..host.sampling.sigmas import sampler_names
from ..host.sampling.wiring import check_prompt_followers
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    20,
    "text encoding as A1111 does it: emphasis, editing, alternation, AND, BREAK, long prompts, clip skip",
    a1111={
        "text": "Prompt, Hires prompt",
        "steps": "Sampling steps",
        "hr_second_pass_steps": "Hires steps",
        "sampler_name": "Sampling method",
        "clip_skip": "Clip skip",
        "emphasis": "Emphasis mode",
        "comma_padding_backtrack": "Prompt word wrap length limit",
        "hr_sampler_name": "Hires sampling method",
        "negative_prompt": "Negative prompt",
        "pad_cond_uncond": "Pad prompt/negative prompt",
    },
)
class HiresFixPrompt(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixPrompt",
            display_name="A1111 Prompt",
            category=inputs.CATEGORY,
            description="Encodes a prompt with A1111's syntax and numbers: (more), (exactly:1.3), [less], editing "
            "[from:to:0.5], alternation [a|b], AND with weights, BREAK, # comments, chunks of 75 tokens. For SD1, SD2 "
            "and SDXL; other models get the text unchanged. AND and editing need Base Sampling and Second Sampling.",
            search_aliases=inputs.aliases(
                "clip text encode, prompt, negative prompt, hires prompt, prompt editing, prompt scheduling, "
                "prompt weights, clip skip, emphasis, BREAK, automatic1111, webui"
            ),
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder."),
                io.String.Input(
                    "text",
                    multiline=True,
                    tooltip="The prompt, in A1111's syntax. Embeddings by their names, as in A1111, or as "
                    "embedding:name. Tags such as <lora:name:1> load nothing here: link the text of LoRAs in Prompt.",
                ),
                inputs.steps(
                    "Steps of the first pass, which prompt editing counts by. 0: as Base Sampling says.",
                    default=SAME_STEPS,
                    least=SAME_STEPS,
                ),
                inputs.choice(
                    "for_pass",
                    PASSES,
                    "The pass that this goes to; either: the one that it is used in, or both. In [a:b:0.5] fractions "
                    "of 0 to 1 mean the first pass and 1 to 2 the second; in [a:b:12] steps are counted through both.",
                    default=EITHER,
                ),
                inputs.steps(
                    "Steps of the second pass. 0: as Re-noise says, or as many as the first if steps are set here.",
                    "hr_second_pass_steps",
                    0,
                    0,
                ),
                inputs.choice(
                    "sampler_name",
                    [SAME_SAMPLER, *sampler_names()],
                    f"{SAME_SAMPLER}: that of Base Sampling. Samplers that ask the model twice a step, such as Heun, "
                    "DPM2 and DPM++ SDE, count every step double in [a:b:12].",
                ),
                io.Int.Input(
                    "clip_skip",
                    default=1,
                    min=1,
                    max=12,
                    tooltip="A1111's 'Clip skip'. 1 is the last layer, 2 the one before it. For SD1 only, as in A1111.",
                ),
                inputs.choice(
                    "emphasis",
                    EMPHASIS_MODES,
                    "What (brackets) do. Original: weigh, then restore the mean. No norm: only weigh. "
                    "Ignore: read them, without effect. None: brackets and BREAK are plain text.",
                ),
                io.Int.Input(
                    "comma_padding_backtrack",
                    default=20,
                    min=0,
                    max=74,
                    advanced=True,
                    tooltip="When 75 tokens are full and one of the last so many is a comma, what follows that comma "
                    "moves to the next chunk. 0: never.",
                ),
                inputs.choice(
                    "hr_sampler_name",
                    [SAME_SAMPLER, *sampler_names()],
                    "Of the second pass, where that is another sampler than sampler_name. "
                    f"{SAME_SAMPLER}: sampler_name, or as Second Sampling says if that is the same, too.",
                    optional=True,
                    advanced=True,
                ),
                io.Boolean.Input(
                    "negative_prompt",
                    default=False,
                    optional=True,
                    tooltip="On for the negative prompt. As in A1111, AND is a plain word in it, and an empty one "
                    "gives SDXL zeros.",
                ),
                io.Boolean.Input(
                    "pad_cond_uncond",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="A1111's option 'Pad prompt/negative prompt': if this one has fewer chunks than the "
                    "other, Base Sampling and Second Sampling fill it up with the empty prompt.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    display_name="conditioning", tooltip="For positive or negative. Fits core's samplers, too."
                )
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def execute(
        cls,
        clip: Any,
        text: str,
        steps: int,
        for_pass: str,
        hr_second_pass_steps: int,
        sampler_name: str,
        clip_skip: int,
        emphasis: str,
        comma_padding_backtrack: int,
        hr_sampler_name: str = SAME_SAMPLER,
        negative_prompt: bool = False,
        pad_cond_uncond: bool = False,
    ) -> io.NodeOutput:
        counting = Counting(for_pass, steps, hr_second_pass_steps, sampler_name, hr_sampler_name)
        settings = TextSettings(clip_skip, emphasis, comma_padding_backtrack, negative_prompt, pad_cond_uncond)
        show_text(None if negative_prompt else left_out(text))
        with input_errors(cls, "text"):
            if is_for_later(clip, text, counting, settings):
                check_prompt_followers(cls.hidden.dynprompt, cls.hidden.unique_id)
            return io.NodeOutput(encode_for_pass(clip, text, counting, settings))
