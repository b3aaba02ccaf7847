"""The machine of somebody who has just installed the pack: one checkpoint of their own, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser

from ...tests.frontend.editor import Editor
from ..demo import checkpoint as demo_checkpoint
from ..fixtures.library import DEMO_FOLDER
from ..host import frontends
from ..host.comfyui_host import PACK_NAME, ComfyUIHost

CHECKPOINT = "my_model.safetensors"
"""A name that no saved workflow knows."""

BUNDLED = "bundled"
"""The frontend that the host brings."""


@contextmanager
def machine(version: str, pack: Path) -> Iterator[ComfyUIHost]:
    """A server of that frontend with the pack in this folder and the one checkpoint."""
    arguments = [] if version == BUNDLED else ["--front-end-root", str(frontends.ensure(version))]
    with tempfile.TemporaryDirectory(prefix="hires-fix-first-sight-") as folder:
        named = Path(folder) / PACK_NAME
        named.symlink_to(pack.absolute(), target_is_directory=True)
        own = Path(folder) / CHECKPOINT
        own.symlink_to(demo_checkpoint.ensure(DEMO_FOLDER))
        host = ComfyUIHost(
            pack=False,
            extra_packs=[named],
            models={"checkpoints": [own]},
            arguments=arguments,
            env={"OMP_NUM_THREADS": "1"},
        )
        with host:
            yield host


@contextmanager
def page(browser: Browser, host: ComfyUIHost, window: tuple[int, int], pictures: Path) -> Iterator[Editor]:
    """The editor in a window of that many pixels, as a browser that has never seen it opens it."""
    width, height = window
    # reduced motion is a wish of the system, not of the editor: see tests/frontend/conftest.py
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    editor = Editor(context.new_page(), host.url, pictures)
    editor.open()
    yield editor
    context.close()
