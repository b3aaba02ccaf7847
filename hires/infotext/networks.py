"""Networks that an A1111 prompt names: LoRA tags, and embeddings as plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..amounts import number

_TAG = re.compile(r"<(?P<kind>\w+):(?P<arguments>[^<>]+)>")
_LORA_KINDS = ("lora", "lyco")

LOST = "[object Object]"  # what a web page wrote where it had no text


@dataclass(frozen=True)
class LoraTag:
    """`<lora:name:0.8>`, `<lora:name:0.8:0.6>` or `<lora:name:te=0.8:unet=0.6>`."""

    name: str
    clip: float
    model: float
    """Strengths on the text encoder and on the diffusion model; the same unless the tag says otherwise."""

    def __str__(self) -> str:
        """The tag; it names the diffusion model's strength only where that is another."""
        strengths = (self.clip,) if self.clip == self.model else (self.clip, self.model)
        return f"<lora:{':'.join([self.name, *(f'{strength:.10g}' for strength in strengths)])}>"


def network_tags(prompt: str) -> tuple[tuple[LoraTag, ...], tuple[str, ...]]:
    """The LoRAs of a prompt in its order, and the tags that are something else or make no sense."""
    loras, others = [], []
    for tag in _TAG.finditer(prompt):
        lora = _lora(tag["arguments"].split(":")) if tag["kind"] in _LORA_KINDS else None
        if lora:
            loras.append(lora)
        else:
            others.append(tag[0])
    return tuple(loras), tuple(others)


def can_be_tagged(lora: LoraTag) -> bool:
    """Whether the tag of this LoRA would be read back as it is: some names of files cannot stand in one."""
    return network_tags(str(lora))[0] == (lora,)


def with_tags(prompt: str, loras: Iterable[LoraTag]) -> str:
    """The prompt with the tags of these LoRAs behind it, except those that it names and those that no tag can name."""
    named = {tag.name.lower() for tag in network_tags(prompt)[0]}
    wanted = (lora for lora in loras if lora.name.lower() not in named and can_be_tagged(lora))
    # A1111 takes the tags out again, and blanks at the end of a prompt say nothing
    return " ".join([prompt, *map(str, wanted)])


def without_tags(prompt: str) -> str:
    return _TAG.sub("", prompt)


def _lora(arguments: list[str]) -> LoraTag | None:
    named = dict(part.split("=", 1) for part in arguments if "=" in part)
    name, clip, model, *_ = [*(part for part in arguments if "=" not in part), "", "", ""]
    strength = number(named.get("te", clip).strip() or "1")
    if not name or strength is None:
        return None
    of_model = number(named.get("unet", model).strip() or str(strength))
    return None if of_model is None else LoraTag(name, strength, of_model)


def embedding_names(hashes: str) -> tuple[str, ...]:
    """The names in the value of `TI hashes`, such as `first: 66a7279a, second: aa7651be`; each once."""
    if hashes == LOST:
        return ()
    names = (entry.partition(":")[0].strip() for entry in hashes.split(","))
    return tuple({name.lower(): name for name in names if name}.values())
