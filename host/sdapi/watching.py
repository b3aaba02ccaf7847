"""What a running graph shows of itself: steps of the node that samples, and its latest preview."""

from __future__ import annotations

from typing import Any

from comfy_execution.progress import NodeState, ProgressHandler, ProgressRegistry, get_progress_state
from PIL import Image

_SAMPLING = ("HiresFixBaseSampling", "HiresFixSecondSampling")
_AFTER_SAMPLING = ("HiresFixPixelUpscale",)
"""Nodes between two passes that take their time. The first pass may have come out of the host's cache."""


def has_picture(prompt_id: str) -> bool:
    """Whether a run has begun to draw: then it can be ended with what there is."""
    registry = get_progress_state()
    if registry.prompt_id != prompt_id:
        return False
    begun = [name for name, entry in dict(registry.nodes).items() if entry["state"] is not NodeState.Pending]
    kinds = [registry.dynprompt.original_prompt.get(name, {}).get("class_type") for name in begun]
    return any(kind in (*_SAMPLING, *_AFTER_SAMPLING) for kind in kinds)


class Watcher(ProgressHandler):
    """Listens to one run."""

    def __init__(self) -> None:
        super().__init__("hires-fix-api")
        self._kinds: dict[str, str] = {}
        self._is_attached = False
        self.step, self.steps = 0, 0
        """Of the pass that is sampled; 0 of 0 before the first one begins."""
        self.rounds = 0
        """Passes that were begun: one of each node that samples, and of each of its tiles."""
        self._node = ""
        self.picture: Image.Image | None = None

    def attach(self, registry: ProgressRegistry, prompt_id: str) -> None:
        """Begin to listen, once the registry is that of this run."""
        if self._is_attached or registry.prompt_id != prompt_id:
            return
        self._is_attached = True
        prompt = registry.dynprompt.original_prompt
        self._kinds = {name: node.get("class_type", "") for name, node in prompt.items()}
        # the run goes through its handlers in another thread: they are replaced, not added to
        registry.handlers = {**registry.handlers, self.name: self}

    def update_handler(
        self, node_id: str, value: float, max_value: float, state: Any, prompt_id: str, image: Any = None
    ) -> None:
        """Called by the host for every report of a node."""
        if self._kinds.get(node_id) in _SAMPLING:
            if node_id != self._node or value <= self.step:
                self.rounds += 1
            self._node = node_id
            self.step, self.steps = int(value), int(max_value)
            if image is not None:
                self.picture = image[1]
