"""Hires Fix & Upscale: AUTOMATIC1111's hires fix and Extras tab as ComfyUI nodes.

Importable without ComfyUI: the nodes are only imported when the host asks for them, and it has to be new enough.
"""

import logging
import re
import sys

OLDEST_HOST = "0.30.0"
"""As in `requires-comfyui` of pyproject.toml, which only ComfyUI Manager looks at."""

_FIRST_TO_ASK = "0.3.48"
"""Older ones do not know `comfy_entrypoint`, and would only log that the pack has no nodes."""

_logger = logging.getLogger("hires-fix")


def refusal(version: object) -> str | None:
    """Why a ComfyUI of this version is too old, in a sentence; None: it is not, or this is no version."""
    if not _older(version, OLDEST_HOST):
        return None
    return (
        f"Hires Fix & Upscale needs ComfyUI {OLDEST_HOST} or newer, and this is {version}: "
        "update ComfyUI (portable: update/update_comfyui.bat, git: git pull) and restart it."
    )


def _older(version: object, than: str) -> bool:
    numbers = [re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", str(text)) for text in (version, than)]
    mine, other = ([int(part or 0) for part in found.groups()] if found else [] for found in numbers)
    return bool(mine) and mine < other


_HOST_VERSION = getattr(sys.modules.get("comfyui_version"), "__version__", None)
_REFUSAL = refusal(_HOST_VERSION)

WEB_DIRECTORY = None if _REFUSAL else "./web"
"""Served by the host; `docs/` in it holds a help page for each node."""

if _REFUSAL and _older(_HOST_VERSION, _FIRST_TO_ASK):
    _logger.error(_REFUSAL)


async def comfy_entrypoint():  # noqa: ANN201 - the host's type cannot be imported here
    """Return the extension that lists the nodes (called once by ComfyUI).

    Raises:
        RuntimeError: the host is too old; it logs the sentence.
    """
    if _REFUSAL:
        raise RuntimeError(_REFUSAL)
    try:
        from .nodes import HiresFixExtension
    except Exception:
        # the host logs one line without the traceback
        _logger.exception("Hires Fix could not load its nodes")
        raise
    return HiresFixExtension()
