"""What is kept of a test that failed."""

from __future__ import annotations

import json
import re

from hires_pack.dev.host.comfyui_host import ComfyUIHost
from playwright.sync_api import Error

from .editor import Editor


def evidence(editor: Editor, host: ComfyUIHost, test: str) -> list[tuple[str, str]]:
    """(heading, text) of a screenshot, the page's console, the graph and the end of the server's log."""
    sections = [
        ("console of the page", "\n".join(editor.complaints[-20:])),
        (f"last lines of the log of {host.url}", host.log_tail(30)),
    ]
    try:
        picture = editor.screenshot("failed-" + re.sub(r"\W+", "-", test).strip("-"))
        return [("screenshot", str(picture)), ("graph", json.dumps(editor.prompt())[:4000]), *sections]
    except Error as problem:
        return [("screenshot", f"the page gives none: {problem}"), *sections]
