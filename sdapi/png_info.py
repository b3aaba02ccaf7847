"""What `/sdapi/v1/png-info` tells of a generation text: A1111's keys, with what they are where the text is silent.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

import re
from typing import Any

from ..hires.infotext.text import parse
from ..hires.prompts.weights import parse_weights

_SIZE = re.compile(r"(\d+)x(\d+)")

_DEFAULTS: dict[str, Any] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "FP8 weight": "Disable",
    "Refiner switch by sampling steps": False,
}


def parameters_of(text: str) -> dict[str, Any]:
    """The settings of a text by A1111's keys: values as they stand there, the `Size` 64x48 as `Size-1` and `Size-2`."""
    infotext = parse(text)
    found: dict[str, Any] = {}
    for parameter in infotext.parameters:
        size = _SIZE.fullmatch(parameter.value)
        if size:
            found[f"{parameter.key}-1"], found[f"{parameter.key}-2"] = size.groups()
        else:
            found[parameter.key] = parameter.value
    found["Prompt"], found["Negative prompt"] = infotext.prompt, infotext.negative_prompt
    if _has_weights(infotext.prompt) or _has_weights(infotext.negative_prompt):
        found.setdefault("Emphasis", "Original")
    return found | {key: value for key, value in _DEFAULTS.items() if key not in found}


def _has_weights(prompt: str) -> bool:
    return any(part.weight != 1.0 and not part.is_break for part in parse_weights(prompt))
