"""The real host's modules in this process, without a server: only then is what is measured the node's own work."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from .comfyui_host import default_comfyui


def start(threads: int = 1) -> None:
    """Make ComfyUI's modules importable, on the CPU where there is nothing else.

    `threads` of torch on a CPU: two on a busy machine wait for each other, so one measures more steadily.
    """
    sys.path.insert(0, str(default_comfyui()))
    import torch
    from comfy.cli_args import args

    if not torch.cuda.is_available():
        args.cpu = True
        torch.set_num_threads(threads)
    import comfy.utils

    comfy.utils.set_progress_bar_enabled(False)


def core_nodes() -> ModuleType:
    """ComfyUI's module `nodes`, which has the name of the pack's own folder."""
    return importlib.import_module("nodes")
