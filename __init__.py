"""Hires Fix & Upscale: AUTOMATIC1111's hires fix and Extras tab as ComfyUI nodes.

Importable without ComfyUI: the nodes are only imported when the host asks for them.
"""

import logging

WEB_DIRECTORY = "./web"
"""Served by the host; `docs/` in it holds a help page for each node."""


async def comfy_entrypoint():  # noqa: ANN201 - the host's type cannot be imported here
    """Return the extension that lists the nodes (called once by ComfyUI)."""
    try:
        from .nodes import HiresFixExtension
    except Exception:
        # the host logs one line without the traceback
        logging.getLogger("hires-fix").exception("Hires Fix could not load its nodes")
        raise
    return HiresFixExtension()
