"""What a file may be called, here and on other systems."""

from __future__ import annotations

import hashlib
import os
import re

from ...hires.errors import InputError

_LONGEST = 255
"""Bytes of a name on every common disk; on Windows units of UTF-16."""

_ON_WINDOWS = os.name == "nt"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVES_AND_PATTERNS = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')


def fitting(name: str, ending: str, longer_by: int = 0) -> str:
    """Join a name and its ending. One that is too long for a disk is shortened and marked with letters made from all
    of it, so that different names stay different. `longer_by`: how much longer names made from this one will be.
    """
    if not is_too_long(name + ending, longer_by):
        return name + ending
    mark = "~" + hashlib.sha256((name + ending).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    while name and is_too_long(name + mark + ending, longer_by):
        name = name[:-1]
    return name + mark + ending


def is_too_long(name: str, longer_by: int = 0) -> bool:
    """Whether a disk does not take a name that gets so much longer yet."""
    units = len(name.encode("utf-16-le", "surrogatepass")) // 2 if _ON_WINDOWS else len(os.fsencode(name))
    return units + longer_by > _LONGEST


def check_characters(text: str, input_name: str, windows: bool = _ON_WINDOWS) -> None:
    """Refuse (InputError) a name or path to write to with characters that no file can have.

    Control characters go wrong in one program or another on every system. `windows` adds what Windows takes for
    drives, hidden streams and patterns.
    """
    match = (_DRIVES_AND_PATTERNS if windows else _CONTROL).search(text)
    if match:
        raise InputError(f"{text!r} holds {match[0]!r}, which the name of a file cannot have. Take it out.", input_name)
    check_encodable(text, input_name)


def check_encodable(text: str, input_name: str) -> None:
    """Refuse (InputError) a path that the system cannot even be asked about."""
    try:
        if "\0" not in text:
            os.fsencode(text)
            return
    except UnicodeEncodeError:
        pass
    raise InputError(f"{text!r} holds a character that the name of a file cannot have. Take it out.", input_name)
