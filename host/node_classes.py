"""The classes of the nodes that the host has loaded."""

from __future__ import annotations

import sys
from typing import Any


def node_class(kind: str) -> Any:
    """Return a node's class; None for one that the host does not know.

    ComfyUI's module is called `nodes`, as the pack's own folder is.
    """
    return sys.modules["nodes"].NODE_CLASS_MAPPINGS.get(kind)
