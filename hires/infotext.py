"""A1111's generation text, which pictures carry as `parameters`: prompt, negative prompt, one line of settings.

Reading follows A1111 v1.10.1 where that keeps everything, and is more patient where A1111 would drop something: text
of Forge, SD.Next, Civitai, extensions, and text that was cut or reformatted on its way.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_NEGATIVE = "Negative prompt:"
_FEWEST = 3
"""A last line with fewer `key: value` pairs belongs to the prompt, unless it starts as settings do."""

_PAIR = re.compile(r'(?P<key>\w[^,:"]*):[ \t]*')
_A1111_KEY = re.compile(r"\w[\w \-/]+")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"(?=\s*(?:,|$))')
_JSON = json.JSONDecoder()
_END = re.compile(r"\s*(?:,|$)")
_START = re.compile(r"Steps: ?\d+\s*(?:,|$)")
_INSIDE = re.compile(r"(?<=[^\s,])\s+(?=Steps: ?\d+,)")


@dataclass(frozen=True)
class Parameter:
    """One setting of the last line."""

    key: str
    """Such as `CFG scale`."""

    value: str
    """Without quotes and escapes. Equal to the key where the text holds a bare word, as A1111 writes that."""

    written: str | None = None
    """How the text puts the value, where A1111 would put it another way; only reading sets it."""

    def __str__(self) -> str:
        """As it stands in the text."""
        if self.written is not None:
            return f"{self.key}: {self.written}"
        return self.key if self.key == self.value else f"{self.key}: {quoted(self.value)}"


@dataclass(frozen=True)
class Infotext:
    """A generation text in its parts."""

    prompt: str = ""
    negative_prompt: str = ""
    parameters: tuple[Parameter, ...] = ()
    """In the order of the text; a key may come twice."""

    trailer: str = ""
    """Lines behind the settings, which some extensions add."""

    def get(self, key: str) -> str | None:
        """The value of the last parameter of that name in capitals or not, None without any."""
        return next((found.value for found in reversed(self.parameters) if found.key.lower() == key.lower()), None)


def quoted(value: str) -> str:
    """A value as A1111 writes it: as a JSON string where it holds a comma, a colon or a line break.

    Beyond A1111, values that would not be read back as they are get quotes, too.
    """
    plain = value == value.strip() and not value.startswith(('"', "[", "{"))
    return value if plain and not any(mark in value for mark in ",:\n") else json.dumps(value, ensure_ascii=False)


def write(infotext: Infotext) -> str:
    """The text that pictures carry."""
    negative = f"\n{_NEGATIVE} {infotext.negative_prompt}" if infotext.negative_prompt else ""
    settings = ", ".join(str(parameter) for parameter in infotext.parameters)
    text = f"{infotext.prompt}{negative}\n{settings}".strip()
    return f"{text}\n{infotext.trailer}" if infotext.trailer else text


def parse(text: str) -> Infotext:
    """Read any text; what is not understood is kept, nothing raises.

    `write(parse(text)) == text` for A1111's own texts. Without settings all is prompt, as in A1111.
    """
    text = text.strip("\0").strip()
    if text.count("\n") == text.count("\r\n"):
        text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    place = _settings_line(lines)
    if place is None:
        return Infotext(*_prompts(lines))
    *before, settings = lines[: place + 1]
    collapsed = None if _START.match(settings) else _INSIDE.search(settings)
    if collapsed:  # prompts and settings in one line, as some pages show them
        before += settings[: collapsed.start()].replace(f" {_NEGATIVE}", f"\n{_NEGATIVE}").split("\n")
        settings = settings[collapsed.end() :]
    return Infotext(*_prompts(before), _parameters(settings.strip()), "\n".join(lines[place + 1 :]))


def _settings_line(lines: list[str]) -> int | None:
    """Which line holds the settings: A1111's choice is the last; else the last that starts as settings do."""
    last = len(lines) - 1
    pairs = [found for found in _parameters(lines[last].strip()) if found.key != found.value or found.written]
    if sum(_A1111_KEY.fullmatch(found.key) is not None for found in pairs) >= _FEWEST:
        return last
    return next((index for index in range(last, -1, -1) if _START.match(lines[index])), None)


def _prompts(lines: list[str]) -> tuple[str, str]:
    """Prompt and negative prompt; A1111, too, takes the first line that says so."""
    for index, line in enumerate(lines):
        if line.startswith(_NEGATIVE):
            first = line.removeprefix(_NEGATIVE).removeprefix(" ")
            return "\n".join(lines[:index]), "\n".join([first, *lines[index + 1 :]])
    return "\n".join(lines), ""


def _parameters(line: str) -> tuple[Parameter, ...]:
    found, position = [], 0
    while position < len(line):
        pair = _PAIR.match(line, position)
        end = _value_end(line, pair.end()) if pair else _comma(line, position)
        if pair:
            key, raw = pair["key"].rstrip(), line[pair.end() : end].rstrip()
            value = _unquoted(raw)
            found.append(Parameter(key, value, None if key != value and quoted(value) == raw else raw))
        elif word := line[position:end].strip():
            found.append(Parameter(word, word))
        # a comma, and the blanks behind it
        position = end + 1
        while position < len(line) and line[position].isspace():
            position += 1
    return tuple(found)


def _value_end(line: str, start: int) -> int:
    """Where the value that starts here ends: strings and JSON lists may hold commas."""
    quotes = _QUOTED.match(line, start)
    if quotes:
        return quotes.end()
    if line.startswith(("[", "{"), start):
        try:
            end = _JSON.raw_decode(line, start)[1]
        except (ValueError, RecursionError):
            end = start
        if end > start and _END.match(line, end):
            return end
    return _comma(line, start)


def _comma(line: str, start: int) -> int:
    found = line.find(",", start)
    return len(line) if found < 0 else found


def _unquoted(raw: str) -> str:
    """The value behind the quotes; as it is where that is not one JSON string, or not text that can be stored."""
    if len(raw) < 2 or not (raw.startswith('"') and raw.endswith('"')):
        return raw
    try:
        value = json.loads(raw)
        value.encode()
    except ValueError:
        return raw
    return value
