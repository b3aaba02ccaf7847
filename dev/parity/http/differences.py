"""What answers otherwise than A1111 on purpose, and why; docs/api.md has the table, by `dev.py generate`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....sdapi.option_table import PLACES, REFUSED
from ...fuzz.judge import PYTHON_WORDS
from ..differences import refusal_of
from .caller import Reply
from .exchanges import Exchange


@dataclass(frozen=True)
class Difference:
    feature: str
    reason: str
    covers: Callable[[Exchange, Reply], bool]


def _text(reply: Reply) -> str:
    content = reply.content
    return str(content.get("errors") or content.get("detail")) if isinstance(content, dict) else str(content)


def _kind(content: Any) -> Any:
    return content.get("error") if isinstance(content, dict) else None


_OF_PYTHON = re.compile(
    r"NoneType|instances of|out of range|by zero|indices must|tensor|Kernel size|expected|operand|argument|object|"
    r"unpack|invalid literal|could not convert|has no|not supported|cannot|can't|must be|len\(\)"
)
"""What Python and torch say of a value that they cannot use."""


def _options(exchange: Exchange) -> dict[str, Any]:
    """Settings that a request wants."""
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    if exchange.path.endswith("/options"):
        return sent
    return sent.get("override_settings") or {}


def _is_kept(exchange: Exchange, reply: Reply) -> bool:
    theirs, ours = str(exchange.response.get("json")), str(reply.content)
    clip = "CLIP_stop_at_last_layers"
    of_options = exchange.path.endswith("/options") and exchange.method == "GET"
    leaks = (of_options and f"'{clip}': 2.0" in theirs) or ("Clip skip: 2" in theirs and clip not in _options(exchange))
    return exchange.session == "fresh" and leaks and ours != theirs


_NOT_RECORDED = (
    "latent_mask is not done",
    "img2img_color_correction is not done",
    "SD upscale with a mask is not done",
    "Loopback with a mask is done here with",
    "A mask with upscaler_for_img2img",
)

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "LoRAs that are not there",
        "A1111 draws without them; here the text names them as Networks not found.",
        lambda e, r: "Networks not found" in str(r.content),
    ),
    Difference(
        "Pictures that repeat (tiling), face restoration",
        "There is no tiling here, and A1111's face detection is another one: without them the picture would be wrong.",
        lambda e, r: any(word in _text(r) for word in ("tiling (pictures", "faces are not restored over this API")),
    ),
    Difference(
        "Latent masks, colour correction in img2img, masks in scripts",
        "What A1111 computes there is recorded nowhere, so that nothing could be compared with it.",
        lambda e, r: any(text in _text(r) for text in _NOT_RECORDED),
    ),
    Difference(
        "firstpass_image",
        "A1111 has hires fix of a given picture on its page, and its API cannot read the picture; here it can.",
        lambda e, r: bool(isinstance(e.sent, dict) and e.sent.get("firstpass_image")) and e.status != r.status,
    ),
    Difference(
        "Words of failures",
        "A1111 sends what Python said; here a sentence says what to change. Status and kind are A1111's.",
        lambda e, r: (
            e.status == r.status == 500
            and _kind(e.reply) == _kind(r.content) not in (None, "HTTPException", "KeyError")
            and _OF_PYTHON.search(str(e.reply.get("errors"))) is not None
            and PYTHON_WORDS.search(_text(r)) is None
        ),
    ),
    Difference(
        "Version in texts",
        "It names the program that has drawn: this one.",
        lambda e, r: False,  # all other words of a text are compared
    ),
    Difference(
        "Ending or restarting the server",
        "A1111 has these addresses with --api-server-stop; ComfyUI is not for a request to end.",
        lambda e, r: "/server-" in e.path or (e.status is None and r.status is not None),
    ),
    Difference(
        "Addresses without a password",
        "With --api-auth, A1111 leaves those of extensions and its documentation open; here all ask for it.",
        lambda e, r: not e.request.get("basic_auth") and e.session == "auth" and e.status == 200,
    ),
    Difference(
        "Interactive documentation",
        "A1111's page loads scripts from the internet. The description itself is at /openapi.json.",
        lambda e, r: e.path in ("/docs", "/redoc") or (e.path == "/openapi.json" and r.status == 200),
    ),
    Difference(
        "Pages of other origins",
        "Which pages may call is ComfyUI's to say: --enable-cors-header.",
        lambda e, r: (
            e.method == "OPTIONS" or (r.status == 403 and "origin" in map(str.lower, e.request.get("headers") or {}))
        ),
    ),
    Difference(
        "Settings that name folders",
        "Where files go is ComfyUI's to say.",
        lambda e, r: r.status == 403 and any(name in PLACES for name in _options(e)),
    ),
    Difference(
        "Settings that are none",
        "A1111 keeps any value and fails later; here a value that does not fit is refused, and none of the request's "
        "values is kept.",
        lambda e, r: bool(_options(e)) and r.status == 500 and _text(r).startswith("The "),
    ),
    Difference(
        "Settings without a counterpart",
        "They change pictures in ways that are not built here; a picture without them would be the wrong one.",
        lambda e, r: r.status == 500 and any(name in REFUSED for name in _options(e)),
    ),
    Difference(
        "override_settings with a checkpoint that is not there",
        "A1111 draws with another one and says nothing.",
        lambda e, r: e.status == 200 and r.status == 500 and "not found" in _text(r) and bool(_options(e)),
    ),
    Difference(
        "override_settings on a server without saved settings",
        "A1111 then keeps them, though it was asked to restore.",
        _is_kept,
    ),
    Difference(
        "Describing pictures (interrogate)",
        "There is no such model here.",
        lambda e, r: e.path.endswith("/interrogate") and r.status == 501,
    ),
    Difference(
        "Training",
        "Not part of this server.",
        lambda e, r: any(part in e.path for part in ("/create/", "/train/")) and r.status == 501,
    ),
    Difference(
        "Upscaler files that cannot be read",
        "A1111 resizes with Lanczos and says nothing.",
        lambda e, r: "broken" in e.session and r.status not in (None, 200),
    ),
)


def difference_of(exchange: Exchange, reply: Reply) -> str | None:
    """What covers a reply that is not A1111's; None if nothing does."""
    found = next((line.feature for line in DIFFERENCES if line.covers(exchange, reply)), None)
    if found or reply.status in (None, 200):
        return found
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    refused = [refusal_of(f"{name}={value}") for name, value in {**sent, **_options(exchange)}.items()]
    return next((line.feature for line in refused if line), None)


def markdown() -> str:
    """The table for the README."""
    rows = [f"| {line.feature} | {line.reason} |" for line in DIFFERENCES]
    return "\n".join(["| A1111's API | why it differs |", "|---|---|", *rows])
