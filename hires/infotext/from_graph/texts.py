"""Prompts that nodes hand on: with their styles, and with the tags of their LoRAs, as A1111 writes them down."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...graph.reader import ApiGraph, Node
from ...prompts.styles import Style, StyleError, find_styles, styled

PROMPT_LORAS, STYLES = "HiresFixPromptLoras", "HiresFixStyles"
_TEXT = 2
"""Output of LoRAs in Prompt."""

NO_STYLE = "None"

Styles = Callable[[], Mapping[str, Style]]
"""The installed styles by their names."""


def learn_texts(graph: ApiGraph, styles: Styles) -> None:
    """Find out what the prompts' nodes hand on, where all of it is known."""
    if not any(graph[node].kind in (PROMPT_LORAS, STYLES) for node in graph):
        return
    for node in graph.in_order():
        if node.kind == PROMPT_LORAS and (text := prompt_of(node)) is not None:
            graph.learn((node.id, _TEXT), text)
        elif node.kind == STYLES:
            for output, text in enumerate(texts_with_styles(node, styles)):
                graph.learn((node.id, output), text)


def prompt_of(node: Node) -> str | None:
    """The prompt that LoRAs in Prompt reads, with its tags; None if it is not known."""
    text = node.text("text")
    return text if text is None or text.strip() else node.text("instead_of_empty", "")


def texts_with_styles(node: Node, styles: Styles) -> list[str]:
    """What Styles gives; nothing if it is not known."""
    names = [node.text(name) for name in node.inputs if name.startswith("style_")]
    prompt, negative = node.text("prompt"), node.text("negative_prompt")
    hr_prompt, hr_negative = node.text("hr_prompt", ""), node.text("hr_negative_prompt", "")
    if None in names or prompt is None or negative is None or hr_prompt is None or hr_negative is None:
        return []
    wanted = [name for name in names if name is not None and name != NO_STYLE]
    hires = hr_prompt if hr_prompt.strip() else prompt, hr_negative if hr_negative.strip() else negative
    try:
        chosen = find_styles(wanted, styles() if wanted else {}, "")
        return [*styled(prompt, negative, chosen), *styled(*hires, chosen)]
    except StyleError:
        return []
