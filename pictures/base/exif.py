"""What programs write into a picture's EXIF block: the orientation, A1111's infotext, ComfyUI's graphs."""

from __future__ import annotations

import io
import logging
import re
import struct
from dataclasses import replace
from typing import Any

from PIL import Image

from .directories import (
    BYTE,
    CLASSIC,
    EXIF_IFD,
    GPS_IFD,
    INTEROPERABILITY,
    UNDEFINED,
    Tag,
    first_place,
    read_entries,
    read_tags,
    variant_of,
)
from .picture import PARAMETERS, FileFacts

log = logging.getLogger("hires-fix")

_ORIENTATION, _USER_COMMENT = 0x0112, 0x9286
_MODEL, _MAKE, _DESCRIPTION, _DOCUMENT_NAME = 0x0110, 0x010F, 0x010E, 0x010D
_GRAPH_TAGS = (_MAKE, _DESCRIPTION, _DOCUMENT_NAME)
_PROMPT_TAGS = (_DESCRIPTION, _DOCUMENT_NAME, _MAKE)
_GRAPH = re.compile(r"(\w+):([\[{].*)", re.DOTALL)


def split_exif(data: bytes | None) -> tuple[bytes | None, int, dict[str, str]]:
    """Take out of an EXIF block, with or without the "Exif" mark in front, what is not kept there.

    Returns the rest, without the mark (None if nothing is left); the orientation, 1 to 8; texts: A1111's "parameters"
    from the user comment, and what ComfyUI hides in tags of the camera ("prompt", "workflow", …). A damaged block
    counts as none.
    """
    data = (data or b"").removeprefix(b"Exif\0\0")
    if not data:
        return None, 1, {}
    try:
        return _split(data)
    except Exception as error:  # blocks of cameras and old programs are broken in many ways
        _log_left_out(error)
        return None, 1, {}


def split_facts(facts: FileFacts) -> tuple[FileFacts, int]:
    """`split_exif` of a file's facts: those of the picture once it is upright, and the orientation in the file."""
    exif, orientation, text = split_exif(facts.exif)
    dpi = (facts.dpi[1], facts.dpi[0]) if facts.dpi and orientation >= 5 else facts.dpi
    return replace(facts, exif=exif, text={**facts.text, **text}, dpi=dpi), orientation


def join_exif(data: bytes | None, text: dict[str, str]) -> bytes | None:
    """Add texts to an EXIF block, the reverse of `split_exif`.

    "parameters" becomes the user comment as A1111 writes it. "prompt" goes to the image description and other JSON to
    Make, where ComfyUI's editor finds them, or to the next free tag if a camera has named itself there. ComfyUI itself
    has the prompt in Model, which SD Prompt Reader takes for all that is to be read. Other texts are left out.
    Returns the block without the "Exif" mark, None if there is nothing in it.
    """
    placed = _with_a_place(text)
    if not placed:
        return data
    exif = Image.Exif()
    exif.load(data or b"")
    infotext = placed.pop(PARAMETERS, None)
    if infotext is not None:
        comment = b"UNICODE\0" + infotext.encode("utf-16-be", "replace")
        exif[EXIF_IFD] = {**inner_tags(exif, EXIF_IFD), _USER_COMMENT: comment}
    for key, value in placed.items():
        tags = _PROMPT_TAGS if key == "prompt" else _GRAPH_TAGS
        free = next((tag for tag in tags if tag not in exif), None)
        if free is None:
            log.warning("There is no free EXIF tag for the text '%s'; it is left out.", key)
        else:
            exif[free] = f"{key}:{value}".encode("utf-8", "replace")
    return to_block(exif)


def fit_exif(data: bytes | None, text: dict[str, str], limit: int) -> bytes | None:
    """`join_exif` into at most `limit` bytes: what is too long is left out, longest text first, and logged."""
    placed = _with_a_place(text)
    while True:
        joined = join_exif(data, placed)
        if joined is None or len(joined) <= limit:
            return joined
        if placed:
            longest = max(placed, key=lambda key: len(placed[key]))
            log.warning("The text '%s' (%d characters) is too long for this file.", longest, len(placed.pop(longest)))
        else:
            log.warning("The EXIF block (%d bytes) is too long for this file and left out.", len(joined))
            return None


def exif_tags(facts: FileFacts) -> tuple[list[Tag], dict[int, list[Tag]]]:
    """Take `join_exif` apart: the tags of the picture, and those of inner directories by the tag that points there."""
    try:
        block = join_exif(facts.exif, facts.text)
        if not block:
            return [], {}
        file, variant, inner = io.BytesIO(block), variant_of(block), {}
        own = read_tags(file, first_place(file, variant), variant)
        for tag in own:
            if tag.number in (EXIF_IFD, GPS_IFD):
                directory = read_tags(file, CLASSIC.offset.unpack(tag.data)[0], variant)
                # a place in the block, which means nothing elsewhere
                inner[tag.number] = [each for each in directory if each.number != INTEROPERABILITY]
    except Exception as error:  # blocks of cameras and old programs are broken in many ways
        _log_left_out(error)
        return [], {}
    return own, {number: tags for number, tags in inner.items() if tags}


def inner_tags(exif: Image.Exif, directory: int) -> dict[int, Any]:
    """Return the tags of the directory EXIF_IFD or GPS_IFD, ready to be written again; empty if there is none."""
    if directory not in exif:  # asking for it would add an empty one
        return {}
    tags = {tag: _raw(value) for tag, value in exif.get_ifd(directory).items()}
    if INTEROPERABILITY in tags:
        tags[INTEROPERABILITY] = dict(exif.get_ifd(INTEROPERABILITY))
    return tags


def to_block(exif: Image.Exif) -> bytes | None:
    """Return the block without the "Exif" mark, None if it is empty."""
    for tag in list(exif):
        if tag not in (EXIF_IFD, GPS_IFD):
            exif[tag] = _raw(exif[tag])
        elif not isinstance(exif[tag], dict):
            exif[tag] = inner_tags(exif, tag)
    return _with_exifs_types(exif.tobytes().removeprefix(b"Exif\0\0")) if len(exif) else None


def _with_exifs_types(block: bytes) -> bytes:
    """Give all bytes in the directories of EXIF the type that EXIF has for them.

    Pillow makes them BYTE, which other programs take for numbers: A1111 fails on such a user comment.
    """
    out, file, variant = bytearray(block), io.BytesIO(block), variant_of(block)
    places = [(0, first_place(file, variant))]
    for directory, place in places:
        for index, (tag, kind, _, field) in enumerate(read_entries(file, place, variant)):
            if tag in (EXIF_IFD, INTEROPERABILITY):
                places.append((tag, variant.offset.unpack(field)[0]))
            elif directory and kind == BYTE:
                at = place + variant.count.size + index * variant.entry.size + 2
                struct.pack_into(f"{variant.order}H", out, at, UNDEFINED)
    return bytes(out)


def _split(data: bytes) -> tuple[bytes | None, int, dict[str, str]]:
    exif = Image.Exif()
    exif.load(data)
    texts: dict[str, str] = {}
    orientation = exif.get(_ORIENTATION, 1)
    taken = [_ORIENTATION] if _ORIENTATION in exif else []
    for tag in (_MODEL, *_GRAPH_TAGS):
        graph = _GRAPH.fullmatch(exif[tag]) if isinstance(exif.get(tag), str) else None
        if graph:
            # Pillow reads bytes as Latin-1
            texts[graph[1]] = graph[2].encode("latin-1").decode("utf-8", "replace")
            taken.append(tag)
    inner = inner_tags(exif, EXIF_IFD)
    comment = _comment_text(inner.get(_USER_COMMENT))
    if comment:
        texts[PARAMETERS] = comment
        del inner[_USER_COMMENT]
        exif[EXIF_IFD] = inner
        taken += [] if inner else [EXIF_IFD]
    for tag in taken:
        del exif[tag]
    rest = to_block(exif)  # also where nothing was taken: what cannot be written again is damaged
    if not taken and not comment:
        rest = data
    return rest, orientation if orientation in range(1, 9) else 1, texts


def _log_left_out(error: Exception) -> None:
    log.warning("The EXIF block of a picture is damaged and left out (%s: %s).", type(error).__name__, error)


def _with_a_place(text: dict[str, str]) -> dict[str, str]:
    """Return the texts that go into an EXIF block: A1111's, and JSON."""
    return {key: value for key, value in text.items() if key == PARAMETERS or _GRAPH.fullmatch(f"{key}:{value}")}


def _raw(value: Any) -> Any:
    """Undo Pillow's reading of strings as Latin-1, since it writes them as ASCII."""
    return value.encode("latin-1") if isinstance(value, str) and not value.isascii() else value


def _comment_text(comment: object) -> str:
    """Decode a user comment: 8 bytes that name the character code, then the text. Empty if there is none."""
    if not isinstance(comment, bytes):
        return ""
    code, body = comment[:8], comment[8:]
    if code == b"UNICODE\0":
        # the order of the bytes is not written down: of most characters the high one is zero
        big_endian = body[::2].count(0) >= body[1::2].count(0)
        text = body.decode("utf-16-be" if big_endian else "utf-16-le", "replace")
    else:
        text = body.decode("utf-8", "replace")
    return text.strip("\ufeff\0 \t\r\n")
