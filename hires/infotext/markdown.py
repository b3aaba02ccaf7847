"""Text of strangers in Markdown: it stays text, whatever it holds."""

from __future__ import annotations

import re

_TICKS = re.compile(r"`+")
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""Control characters, and those that turn the direction of what follows or cannot be seen."""


def as_code(text: str) -> str:
    """Return the text as code inside of a line; what ends or hides a line is spelt out."""
    shown = _spelt(text).replace("\n", "\\n").replace("\t", "\\t")
    if not shown.strip():
        return f'`"{shown}"`'
    ticks = "`" * (_longest(shown) + 1)
    # beside the ticks, one blank at each side does not count
    blank = " " if len(ticks) > 1 or shown[0] == " " or shown[-1] == " " else ""
    return f"{ticks}{blank}{shown}{blank}{ticks}"


def code_block(text: str) -> str:
    """Return the text as lines of code, fenced by more ticks than it has in a row."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}\n{_spelt(text)}\n{fence}"


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)


def _spelt(text: str) -> str:
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
