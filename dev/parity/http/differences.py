"""What answers otherwise than A1111 on purpose, and why; docs/api.md has the table, by `dev.py generate`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....sdapi.option_table import DEFAULTS, PLACES, REFUSED
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
    r"unpack|not in list|invalid literal|could not convert|has no|not supported|cannot|can't|must be|len\(\)"
)
"""What Python and torch say of a value that they cannot use."""


def _options(exchange: Exchange) -> dict[str, Any]:
    """Settings that a request wants."""
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    if exchange.path.endswith("/options"):
        return sent
    return sent.get("override_settings") or {}


def _shows_any_value(exchange: Exchange) -> bool:
    """Whether A1111 lists a setting that is a text where a number belongs."""
    if not exchange.path.endswith("/options") or exchange.method != "GET" or not isinstance(exchange.reply, dict):
        return False
    numbers = {name for name, value in DEFAULTS.items() if isinstance(value, (int, float))}
    return any(isinstance(exchange.reply.get(name), str) for name in numbers)


def _is_kept(exchange: Exchange, reply: Reply) -> bool:
    theirs, ours = str(exchange.response.get("json")), str(reply.content)
    clip = "CLIP_stop_at_last_layers"
    of_options = exchange.path.endswith("/options") and exchange.method == "GET"
    leaks = (of_options and f"'{clip}': 2.0" in theirs) or ("Clip skip: 2" in theirs and clip not in _options(exchange))
    return exchange.session == "fresh" and leaks and ours != theirs


_NOT_RECORDED = ("SD upscale with a mask is not done", "SD upscale with img2img_color_correction is not done")


def _names(exchange: Exchange, field: str) -> bool:
    """Whether a request asks for something in that field."""
    return isinstance(exchange.sent, dict) and bool(exchange.sent.get(field))


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
        "Masks and colour correction in SD upscale",
        "A1111 lays the whole mask over every tile, and gives all tiles the colours of the first.",
        lambda e, r: any(text in _text(r) for text in _NOT_RECORDED),
    ),
    Difference(
        "firstpass_image, latent_mask",
        "A1111 has these for its page and its scripts, and its API cannot read their pictures; here it can.",
        lambda e, r: (_names(e, "firstpass_image") or _names(e, "latent_mask")) and e.status != r.status,
    ),
    Difference(
        "Scripts but SD upscale and Loopback",
        "They are not part of this server; without them the picture would be another one.",
        lambda e, r: _names(e, "script_name") and r.status == 500 and "is not done here" in _text(r),
    ),
    Difference(
        "Always-on scripts that are not there, and leave themselves off",
        "A1111 refuses their names; here a request is drawn in which nothing is asked of them, as clients send them.",
        lambda e, r: _names(e, "alwayson_scripts") and (e.status, r.status) == (422, 200),
    ),
    Difference(
        "Styles that are not there",
        "A1111 draws without them and says nothing.",
        lambda e, r: _names(e, "styles") and e.status == 200 and _text(r).startswith("styles: "),
    ),
    Difference(
        "Addresses of Forge",
        "Clients that know Forge ask for its sd-modules, which A1111 has not.",
        lambda e, r: e.path.endswith("/sd-modules") and e.status == 404,
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
        lambda e, r: (bool(_options(e)) and r.status == 500 and _text(r).startswith("The ")) or _shows_any_value(e),
    ),
    Difference(
        "Settings without a counterpart",
        "They change pictures in ways that are not built here; a picture without them would be the wrong one.",
        lambda e, r: r.status == 500 and any(name in REFUSED for name in _options(e)),
    ),
    Difference(
        "override_settings with a checkpoint or VAE that is not there",
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
