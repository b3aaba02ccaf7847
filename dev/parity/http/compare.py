"""Whether a reply says what A1111's did: status, headers, JSON, pictures."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from ....hires.sampling.menus import LATENT_MODES
from ....sdapi.option_table import CHECKPOINT_HASH, HONOURED
from ....sdapi.scripts import LOOPBACK
from ..measure import PICTURE as TXT2IMG
from ..measure import off_by_more, psnr
from .caller import Reply
from .exchanges import Exchange

PICTURE, OFF_BY_MORE = 65.0, 0.001
"""Smallest PSNR in dB, and largest share of pixels that differ by more than 1 of 255."""

CHAIN = TXT2IMG
"""Smallest PSNR where a picture is cut to 8 bits between passes: hires fix with a pixel upscaler, and Loopback.

A value at the edge of a level becomes another level, from which the next pass begins. So it is where colours are
corrected: one pixel moves where a whole level goes.
"""

LOSSY = 35.0
"""The same of WebP with loss, whose encoder decides block by block what is worth its bits.

With one value of a picture of 64x48 pixels off by one, all of it can come out 38 dB from what it was.
"""

_RANDOM = {"subseed", "all_subseeds", "job_timestamp", "eta_relative", "textinfo"}
"""Keys whose values nobody can repeat."""

_OF_THE_MOMENT = {"progress", "job_no", "sampling_step", "job_timestamp", "eta_relative", "textinfo", "current_image"}
"""Keys of progress while a job runs."""

_LEFT_BEHIND = {"skipped", "interrupted", "job_no", "sampling_step", "sampling_steps"}
"""Keys of progress that tell of the last job."""

_OF_FIRST_USE = {"title", "hash", "sha256"}
"""Keys of a checkpoint that are null, or say less, until it is used."""

_MENUS = ("upscalers", "cmd-flags", "options", "scripts", "script-info", "extensions", "realesrgan-models")
_LISTS = (*_MENUS, "face-restorers")
"""Of these the structure counts, and what is installed."""

_PATH = re.compile(r"<(?:DATA|WEBUI)>")
_INSTALLED = re.compile(r"tiny|^None$|^Lanczos$|^Nearest$")
_VERSION = re.compile(r", Version: [^,\n]*")
"""What a text says of the program: ours is another."""

_HEAD = 40
"""Bytes of a WebP file in which the kind of its first chunk stands."""

_BEFORE = 20
"""Characters of two texts that are shown before they differ."""

_MOMENT = re.compile(r"^(?:interrupt|skip)-")
"""Exchanges whose pictures depend on the moment of a call."""


@dataclass
class Comparison:
    """What differs, and how far the pictures are away; of several the worst."""

    problems: list[str] = field(default_factory=list)
    psnr: float | None = None
    off_by_more: float | None = None

    def add(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}" if where else what)


def compare(exchange: Exchange, reply: Reply) -> Comparison:
    """Judge one reply."""
    found = Comparison()
    if exchange.status != reply.status:
        found.add("", f"status {reply.status} instead of {exchange.status}: {_short(reply.content)}")
        return found
    if exchange.status is None:
        return found
    _headers(found, exchange, reply)
    if exchange.method == "HEAD":
        return found
    name = exchange.path.rstrip("/").rpartition("/")[2]
    if name in _LISTS and exchange.status == 200 and exchange.method == "GET":
        _listing(found, exchange, name, reply.content)
    elif name == "memory":
        _structure(found, "", exchange.reply, reply.content)
    else:
        _values(found, exchange, "", exchange.reply, reply.content)
    return found


def _headers(found: Comparison, exchange: Exchange, reply: Reply) -> None:
    theirs = exchange.response.get("headers", {})
    for name in ("content-type", "allow", "www-authenticate"):
        ours = reply.headers.get(name)
        if name == "content-type" and not reply.body:
            continue
        if _plain(theirs.get(name)) != _plain(ours):
            found.add(name, f"{ours} instead of {theirs.get(name)}")
    if "location" in theirs:
        ends = [re.sub(r"^https?://[^/]*", "", headers.get("location", "")) for headers in (theirs, reply.headers)]
        if ends[0] != ends[1]:
            found.add("location", f"{ends[1]} instead of {ends[0]}")
    if theirs.get("content-encoding") == "gzip" and len(reply.body) >= 1000:
        ours = reply.headers.get("content-encoding")
        if ours != "gzip":
            found.add("content-encoding", f"{ours} instead of gzip")


def _plain(value: str | None) -> str | None:
    return value and value.replace(" ", "").lower()


def _listing(found: Comparison, exchange: Exchange, name: str, ours: Any) -> None:
    theirs = exchange.reply
    if name in ("options", "cmd-flags"):
        _keys(found, "", theirs, ours)
        for key in theirs.keys() & ours.keys():
            if exchange.is_logged and theirs[key] is None:
                continue  # nothing was set yet
            if name == "options" and key in HONOURED - {CHECKPOINT_HASH}:
                _value(found, key, theirs[key], ours[key])
            elif None not in (theirs[key], ours[key]) and _kind(theirs[key]) != _kind(ours[key]):
                found.add(key, f"{_kind(ours[key])} instead of {_kind(theirs[key])}")
    elif name == "scripts":
        _keys(found, "", theirs, ours)
        for page in theirs.keys() & ours.keys():
            for script in set(ours[page]) - set(theirs[page]):
                found.add(page, f"{script!r} is no script of A1111")
    elif name == "script-info":
        known = {(script["name"], script["is_img2img"]): script for script in theirs}
        for script in ours:
            wanted = known.get((script["name"], script["is_img2img"]))
            if wanted is None:
                found.add(script["name"], "is no script of A1111")
            else:
                _structure(found, script["name"], wanted, script)
    else:
        for entry in ours:
            _structure(found, str(entry.get("name")), theirs[0] if theirs else {}, entry)
        known = {entry.get("name"): entry for entry in ours}
        for entry in theirs:
            if _INSTALLED.search(str(entry.get("name"))):
                _value(found, entry["name"], entry, known.get(entry["name"]))


def _structure(found: Comparison, where: str, theirs: Any, ours: Any) -> None:
    """Keys and kinds of values; null may stand for any."""
    if None in (theirs, ours):
        return
    if _kind(theirs) != _kind(ours):
        found.add(where, f"{_kind(ours)} instead of {_kind(theirs)}")
    elif isinstance(theirs, dict):
        _keys(found, where, theirs, ours)
        for key in theirs.keys() & ours.keys():
            _structure(found, f"{where}.{key}", theirs[key], ours[key])
    elif isinstance(theirs, list) and where.endswith(".args") and len(theirs) != len(ours):
        found.add(where, f"{len(ours)} instead of {len(theirs)}")


def _keys(found: Comparison, where: str, theirs: dict[str, Any], ours: Any) -> None:
    if not isinstance(ours, dict):
        found.add(where, f"{_kind(ours)} instead of an object")
        return
    for key in theirs.keys() - ours.keys():
        found.add(where, f"{key} is missing")
    for key in ours.keys() - theirs.keys():
        found.add(where, f"{key} is too much")


def _values(found: Comparison, exchange: Exchange, where: str, theirs: Any, ours: Any) -> None:
    if isinstance(theirs, dict) and "$file" in theirs:
        _picture(found, exchange, where, theirs, ours)
    elif isinstance(theirs, dict):
        _keys(found, where, theirs, ours)
        for key in theirs.keys() & (ours.keys() if isinstance(ours, dict) else set()):
            if not _is_random(exchange, key):
                _values(found, exchange, f"{where}.{key}".lstrip("."), theirs[key], ours[key])
    elif isinstance(theirs, list):
        if not isinstance(ours, list) or len(theirs) != len(ours):
            count = len(ours) if isinstance(ours, list) else _kind(ours)
            found.add(where, f"{count} instead of {len(theirs)} entries")
            return
        for index, parts in enumerate(zip(theirs, ours, strict=True)):
            _values(found, exchange, f"{where}[{index}]", *parts)
    elif where == "info" and isinstance(theirs, str) and theirs.startswith("{"):
        try:
            _values(found, exchange, "info", json.loads(theirs), json.loads(ours))
        except (TypeError, ValueError):
            found.add(where, f"is no JSON: {_short(ours)}")
    else:
        _value(found, where, theirs, ours)


def _is_random(exchange: Exchange, key: str) -> bool:
    if exchange.is_logged and key in _LEFT_BEHIND | _OF_FIRST_USE:
        return True  # the server had worked before
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    if key in ("subseed", "all_subseeds"):
        return sent.get("subseed") in (None, -1)
    if key in ("seed", "all_seeds", "infotexts", "extra_generation_params"):
        return sent.get("seed") == -1
    if exchange.during and exchange.path.endswith("/progress"):
        return key in _OF_THE_MOMENT
    return key in _RANDOM


def _value(found: Comparison, where: str, theirs: Any, ours: Any) -> None:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        _keys(found, where, theirs, ours)
        for key in theirs.keys() & ours.keys():
            _value(found, f"{where}.{key}", theirs[key], ours[key])
    elif where.endswith("].config") and ours is None:
        return  # ComfyUI's checkpoints have none
    elif isinstance(theirs, str) and _PATH.match(theirs):
        if not isinstance(ours, str) or _stem(theirs) != _stem(ours):
            found.add(where, f"{_short(ours)} instead of {_short(theirs)}")
    elif isinstance(theirs, str) and isinstance(ours, str) and _says_the_same(where, theirs, ours):
        return
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        shown = _where_they_part(theirs, ours) if isinstance(theirs, str) and isinstance(ours, str) else (theirs, ours)
        found.add(where, f"{_short(shown[1])} instead of {_short(shown[0])}")


def _stem(path: str) -> str:
    return re.sub(r"\.\w+$", "", re.split(r"[\\/]", path)[-1])


def _picture(found: Comparison, exchange: Exchange, where: str, theirs: dict[str, str], ours: Any) -> None:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(ours)))
        image.load()
    except (TypeError, ValueError, OSError):
        found.add(where, f"no picture: {_short(ours)}")
        return
    recorded = exchange.picture(theirs["$file"])
    with Image.open(io.BytesIO(recorded)) as wanted:
        wanted.load()
    for what in ("format", "size", "mode"):
        if getattr(image, what) != getattr(wanted, what):
            found.add(where, f"{what} {getattr(image, what)} instead of {getattr(wanted, what)}")
            return
    texts = [{key: text for key, text in of.info.items() if isinstance(text, str)} for of in (wanted, image)]
    texts[1] = {key: text for key, text in texts[1].items() if key in texts[0] or key not in ("workflow", "prompt")}
    if not _is_random(exchange, "infotexts"):
        _value(found, f"{where}.text", *texts)
    if exchange.during or depends_on_the_moment(exchange) or _is_random(exchange, "infotexts"):
        return
    pair = np.asarray(image), np.asarray(wanted)
    near, off = psnr(*pair), off_by_more(*pair)
    found.psnr = min(near, math.inf if found.psnr is None else found.psnr)
    found.off_by_more = max(off, found.off_by_more or 0.0)
    least, most = (CHAIN, 1.0) if _is_chain(exchange) else (PICTURE, OFF_BY_MORE)
    if image.format == "WEBP" and b"VP8 " in recorded[:_HEAD]:
        least, most = LOSSY, 1.0
    if near < least or off > most:
        found.add(where, f"PSNR {near:.1f} dB, {off:.2%} of the pixels off by more than 1")


def depends_on_the_moment(exchange: Exchange) -> bool:
    """Whether it was ended by a call in its midst."""
    return bool(_MOMENT.match(exchange.id))


def _is_chain(exchange: Exchange) -> bool:
    """Whether a picture is sampled, cut to 8 bits and sampled again or given other colours, see `CHAIN`."""
    sent = exchange.sent if isinstance(exchange.sent, dict) else {}
    corrects = (sent.get("override_settings") or {}).get("img2img_color_correction")
    if corrects or str(sent.get("script_name")).lower() == LOOPBACK:
        return True
    return bool(sent.get("enable_hr")) and (sent.get("hr_upscaler") or "Latent") not in LATENT_MODES


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return kinds.get(type(value), "null")


def _says_the_same(where: str, theirs: str, ours: str) -> bool:
    """But for the program."""
    return where in ("info.version", "parameters.Version") or _VERSION.sub("", theirs) == _VERSION.sub("", ours)


def _where_they_part(theirs: str, ours: str) -> tuple[str, str]:
    """Both texts from a little before their first difference on."""
    same = next((i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b), min(len(theirs), len(ours)))
    start = max(0, same - _BEFORE)
    mark = "..." if start else ""
    return mark + theirs[start:], mark + ours[start:]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
