"""ComfyUI in a worker's process, for what needs its nodes and models: loaded when the first such work comes."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from .entries import COMFYUI
from .jobs import Plain

_NODE = "HiresFixTiledRedraw"
"""Tells under which name ComfyUI has loaded the pack."""

_DRAWING = ".host.redraw.served"


class NoComfyUIError(Exception):
    """There is none here: why, as the end of a sentence that begins with who is left out."""


class ComfyUI:
    """That of this process. Used by one thread at a time."""

    def __init__(self) -> None:
        self._drawing: ModuleType | None = None
        self._problem = ""

    def call(self, name: str, *arguments: Any) -> Plain:
        """Call a function of `host.redraw.served` of the pack that ComfyUI has loaded.

        Raises:
            NoComfyUIError: this process has none, or it does not start.
        """
        if self._drawing is None and not self._problem:
            try:
                self._drawing = _started()
            except NoComfyUIError as error:
                self._problem = str(error)
            except (Exception, SystemExit) as error:  # whatever it or its packs do while they are loaded
                self._problem = f"its ComfyUI does not start ({type(error).__name__}: {error})"
        if self._drawing is None:
            raise NoComfyUIError(self._problem)
        return getattr(self._drawing, name)(*arguments)


def _started() -> ModuleType:
    """Load ComfyUI as its main.py does, all but its pages, with the arguments that the worker was given for it."""
    given: list[str] = json.loads(os.environ.get(COMFYUI, "[]"))
    if not given:
        raise NoComfyUIError("it was started without --comfyui, which names the folder of its ComfyUI")
    folder, arguments = given[0], given[1:]
    if not (Path(folder) / "main.py").is_file():
        raise NoComfyUIError(f"there is no ComfyUI in its folder {folder}")
    # what it prints is for the log: whoever has started this process only reads one line of its output
    os.dup2(2, 1)
    # its own nodes.py before a folder of that name
    sys.path.insert(0, folder)
    main = _with_arguments(arguments)
    loop, server, _ = main.start_comfyui()
    threading.Thread(target=partial(loop.run_until_complete, server.publish_loop()), daemon=True).start()
    node = importlib.import_module("nodes").NODE_CLASS_MAPPINGS.get(_NODE)
    if node is None:
        raise NoComfyUIError(f"its ComfyUI in {folder} has not loaded this pack; its log says why")
    return importlib.import_module(_DRAWING, node.__module__.rpartition(".nodes.")[0])


def _with_arguments(arguments: Sequence[str]) -> ModuleType:
    """ComfyUI's main module, which reads them while it is loaded."""
    before, sys.argv = sys.argv, ["main.py", *arguments]
    try:
        return importlib.import_module("main")
    finally:
        sys.argv = before


def is_wanted() -> bool:
    """Whether anybody waits for what this thread does for Dask."""
    from dask.context import thread_state
    from distributed.worker import get_worker

    task = get_worker().state.tasks.get(thread_state.key)
    return task is not None and task.state == "executing"
