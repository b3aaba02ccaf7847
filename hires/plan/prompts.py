"""What prompts load, and what they only seem to load."""

from __future__ import annotations

from ..graph.reader import Node
from ..infotext.from_graph.texts import PROMPT_LORAS, prompt_of
from ..model_names import stem
from ..prompts.networks import network_tags
from .badge import Badge, badge
from .facts import Facts, ModelFile

_MOST = 3
"""LoRAs that a line names."""


@badge(PROMPT_LORAS)
def _prompt_loras(node: Node, facts: Facts) -> Badge:
    model = node.incoming("model", ModelFile)
    text, name, strength = prompt_of(node), node.text("lora_name"), node.number("lora_strength")
    if text is None or name is None or strength is None:
        return Badge((model,))
    found = facts.prompt_loras(text, name, strength)
    if found is None:
        return Badge((model,))
    loaded = [f"{stem(use.file)} {use.model:g}" for use in found.uses]
    more = f" and {len(loaded) - _MOST} more" if len(loaded) > _MOST else ""
    return Badge((model, None, found.text), f"{', '.join(loaded[:_MOST])}{more}" if loaded else None)


@badge("HiresFixPrompt")
def _prompt(node: Node, facts: Facts) -> Badge:
    """Tags that are left out: unless Load LoRA has loaded them, as graphs of old have it."""
    text = node.text("text")
    if text is None or node.flag("negative_prompt", False):
        return Badge()
    loaded, before, seen = set(), node, set()
    while before.source("clip") is not None and before.id not in seen:
        seen.add(before.id)
        before = before.before("clip")
        loaded.add(stem(before.text("lora_name") or "").lower())
    left = [str(tag) for tag in network_tags(text)[0] if stem(tag.name).lower() not in loaded]
    if not left:
        return Badge()
    return Badge(
        text="LoRA not loaded",
        warning=f"{', '.join(left[:_MOST])} in the text loads nothing here. Write the prompt into LoRAs in Prompt, and "
        "link its text to this node, its clip to both prompts and its model to the sampling.",
    )
