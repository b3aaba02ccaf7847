"""Networks that an A1111 prompt names in tags: `<lora:name:0.8>` and the like.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..amounts import number
from ..model_names import stem
from .passes import with_extra_networks, without_comments, without_extra_networks

LORA_KINDS = ("lora", "lyco")


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
    """The LoRAs of a prompt in its order, and the tags that are something else or make no sense.

    Those in comments are neither.
    """
    loras, others = [], []
    for tag in without_extra_networks(without_comments(prompt))[1]:
        lora = lora_of(tag)
        if lora:
            loras.append(lora)
        else:
            others.append(tag)
    return tuple(loras), tuple(others)


def lora_of(tag: str) -> LoraTag | None:
    """What a tag loads; None for one of another kind, or one that makes no sense."""
    kind, *arguments = tag[1:-1].split(":")
    return _lora(arguments) if kind in LORA_KINDS else None


def asks_for_rank(tag: str) -> bool:
    """Whether it asks for less of a LoRA than there is, by a fourth value or `dyn=8`."""
    arguments = tag[1:-1].split(":")[1:]
    return (
        any(part.startswith("dyn=") for part in arguments) or len([part for part in arguments if "=" not in part]) > 3
    )


def can_be_tagged(lora: LoraTag) -> bool:
    """Whether the tag of this LoRA would be read back as it is: some names of files cannot stand in one."""
    return network_tags(str(lora))[0] == (lora,)


def with_loras(prompt: str, loras: Iterable[LoraTag]) -> str:
    """The prompt with the tags of exactly these LoRAs.

    Where it names one with the same strengths, the tag stays in its place, without folder and suffix; tags of others
    go. Those that it does not name come behind it, except those that no tag can name.
    """
    loras = list(loras)
    left = Counter(map(_plain, loras))

    def kept(tag: str) -> str:
        lora = lora_of(tag)
        if lora is None:
            return tag
        if not left[_plain(lora)]:
            return ""
        left[_plain(lora)] -= 1
        short = LoraTag(stem(lora.name), lora.clip, lora.model)
        return tag if short.name == lora.name or not can_be_tagged(short) else str(short)

    # those in comments load nothing
    bare = without_comments(prompt)
    same_tags = without_extra_networks(bare)[1] == without_extra_networks(prompt)[1]
    prompt = with_extra_networks(prompt if same_tags else bare, kept)
    behind = []
    for lora in loras:
        if left[_plain(lora)]:
            left[_plain(lora)] -= 1
            behind += [str(lora)] if can_be_tagged(lora) else []
    # A1111 takes the tags out again, and blanks at the end of a prompt say nothing
    return " ".join([prompt, *behind])


def _plain(lora: LoraTag) -> LoraTag:
    """What two tags have in common that load the same."""
    return LoraTag(stem(lora.name).lower(), lora.clip, lora.model)


def with_lora_names(prompt: str, name_of: Callable[[str], str]) -> str:
    """The prompt with other names in its LoRAs' tags; those that no tag can hold stay as they are."""

    def named(tag: str) -> str:
        lora = lora_of(tag)
        new = LoraTag(name_of(lora.name), lora.clip, lora.model) if lora else None
        return str(new) if lora and new and new.name != lora.name and can_be_tagged(new) else tag

    return with_extra_networks(prompt, named)


def with_tags(prompt: str, loras: Iterable[LoraTag]) -> str:
    """The prompt with the tags of these LoRAs behind it, except those that it names and those that no tag can name."""
    named = {tag.name.lower() for tag in network_tags(prompt)[0]}
    wanted = (lora for lora in loras if lora.name.lower() not in named and can_be_tagged(lora))
    # A1111 takes the tags out again, and blanks at the end of a prompt say nothing
    return " ".join([prompt, *map(str, wanted)])


def without_tags(prompt: str) -> str:
    return without_extra_networks(prompt)[0]


def _lora(arguments: list[str]) -> LoraTag | None:
    named = dict(part.split("=", 1) for part in arguments if "=" in part)
    name, clip, model, *_ = [*(part for part in arguments if "=" not in part), "", "", ""]
    strength = number(named.get("te", clip).strip() or "1")
    if not name or strength is None:
        return None
    of_model = number(named.get("unet", model).strip() or str(strength))
    return None if of_model is None else LoraTag(name, strength, of_model)
