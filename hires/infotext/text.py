"""A1111's generation text, which pictures carry as `parameters`: prompt, negative prompt, one line of settings.

Reading follows A1111 v1.10.1 where that keeps everything, and is more patient where A1111 would drop something: text
of Forge, SD.Next, Civitai, extensions, and text that was cut or reformatted on its way.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import pairwise

NEGATIVE = "Negative prompt:"
_NEGATIVE_LINE = re.compile(r"\s*Negative prompt:[^\S\n]?", re.IGNORECASE)
_TEMPLATE_LINE = re.compile(r"\s*(?:negative )?template:", re.IGNORECASE)
"""What SD.Next adds: the prompts before their wildcards were filled in."""

_FEWEST = 3
"""A last line with fewer `key: value` pairs belongs to the prompt, unless it starts as settings do."""

_PAIR = re.compile(r'(?P<key>\w[^,:"\n]*(?:\n[a-z][^,:"\n]*)?):[^\S\n]*')
"""A key may be wrapped, as `Hires` and `upscaler: Latent` in two lines."""

_FURTHER_PAIR = re.compile(r",\s*\w[\w \-/]+:")
_A1111_KEY = re.compile(r"\w[\w \-/]+")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"(?=[^\S\n]*(?:,|\n|$))', re.DOTALL)
_JSON, _PATIENT_JSON = json.JSONDecoder(), json.JSONDecoder(strict=False)
_END = re.compile(r"[^\S\n]*(?:,|\n|$)")
_MARK = re.compile(r"[,\n]")
_BLANKS = re.compile(r"\s*")
_WRAP = re.compile(r"\s*\n\s*")
_STEPS = r"Steps:\s*\d+\s*(?:$|,\s*(?:$|\w[^,:\"\n]*:))"
"""The first setting, and what shows that the second follows."""

_START = re.compile(r"\s*Steps:\s*\d+\s*(?:,|$)", re.IGNORECASE)
_SURE_START = re.compile(rf"\s*{_STEPS}", re.IGNORECASE)
_INSIDE = re.compile(rf"(?:(?<!\w)|(?=Steps:\s*\d+\s*,\s*Sampler:)){_STEPS}")
_OTHER_STEPS = re.compile(r"(?:hires|highres|hr|refiner|pass|sampling|total)[ _-]*$", re.IGNORECASE)
_KEY_MARKS = re.compile(r"[\s_-]+")
_HEADING = re.compile(r"(?:\[\w+\]\s*)?(?:(?:EXIF|PNG):)?(?:Parameters|User ?Comment)\s*:\s", re.IGNORECASE)
"""What exiftool and ImageMagick print before a text."""

_FENCE = re.compile(r"(`{3,9})\w*\n(?P<text>.*?)\n?\1", re.DOTALL)
_CITED = re.compile(r"^>[^\S\n]?", re.MULTILINE)
_UNWRAPPED = re.compile(r"Negative\xa0prompt:|Steps:\xa0", re.IGNORECASE)
_BOLD_STEPS = re.compile(r"\*\*Steps:?\*\*:?\s*\d")
"""Marks of web pages and mails around a text and its lines, and in it."""

_LINE_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
_SETTINGS = frozenset(
    (
        *("steps", "sampler", "schedule type", "cfg scale", "seed", "size"),
        *("model", "model hash", "clip skip", "version", "vae"),
    )
)
"""Keys, in small letters, that may come before Steps where another program has put them in an order of its own."""


@dataclass(frozen=True)
class Parameter:
    """One setting of the last line."""

    key: str
    value: str
    """Without quotes and escapes. Equal to the key where the text holds a bare word, as A1111 writes that."""

    written: str | None = None
    """How the text puts the value, where A1111 would put it another way; only reading sets it."""

    def __str__(self) -> str:
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

    def find(self, key: str) -> Parameter | None:
        """The last parameter of exactly that name, or else the last that differs in capitals, blanks, `_` and `-`."""
        exact = (found for found in reversed(self.parameters) if found.key == key)
        plain = _plain_key(key)
        return next(exact, None) or next((f for f in reversed(self.parameters) if _plain_key(f.key) == plain), None)

    def get(self, key: str) -> str | None:
        found = self.find(key)
        return found and found.value


def _plain_key(key: str) -> str:
    return _KEY_MARKS.sub("", key).lower()


def quoted(value: str) -> str:
    """A value as A1111 writes it: as a JSON string if it has a comma, colon or line break, or would not read back."""
    plain = value == value.strip() and not value.startswith(('"', "[", "{"))
    return value if plain and not any(mark in value for mark in ",:\n") else json.dumps(value, ensure_ascii=False)


def write(infotext: Infotext) -> str:
    """The text that pictures carry."""
    negative = f"\n{NEGATIVE} {infotext.negative_prompt}" if infotext.negative_prompt else ""
    settings = ", ".join(str(parameter) for parameter in infotext.parameters)
    text = f"{infotext.prompt}{negative}\n{settings}".strip()
    return f"{text}\n{infotext.trailer}" if infotext.trailer else text


def parse(text: str) -> Infotext:
    """Read any text; what is not understood is kept, nothing raises.

    `write(parse(text)) == text` for A1111's own texts. Without settings all is prompt, as in A1111. Beyond A1111,
    settings may be wrapped to several lines, come before the negative prompt, or follow the prompts in one line.
    """
    lines = _cleaned(text).split("\n")
    place = _settings_line(lines)
    if place is None:
        prompt, negative, templates = _prompts(lines)
        return Infotext(prompt, negative, templates)
    before, first = lines[:place], lines[place]
    cut = None if _START.match(first) else _inside(first)
    if cut is not None:  # prompts and settings in one line, as some pages show them
        before, first = _cut_prompts([*before, _without_break(first[:cut])]), first[cut:]
    parameters, trailer = _parameters("\n".join([first.lstrip(), *lines[place + 1 :]]))
    prompt, negative, templates = _prompts(before)
    if trailer and not negative and (found := _NEGATIVE_LINE.match(trailer)):
        negative, trailer = trailer[found.end() :], ""
    return Infotext(prompt, negative, (*parameters, *templates), trailer)


def _cleaned(text: str) -> str:
    """With one kind of line break, and without what other programs put around it."""
    text = _LINE_BREAKS.sub("\n", text.strip("\0\ufeff")).strip()
    if _UNWRAPPED.search(text):  # such blanks are blanks to every text encoder, too
        text = text.replace("\xa0", " ")
    text = fenced["text"].strip() if (fenced := _FENCE.fullmatch(text)) else text
    if all(line.startswith(">") for line in text.split("\n")):
        text = _CITED.sub("", text).strip()
    if _BOLD_STEPS.search(text):
        text = text.replace("**", "")
    text = _HEADING.sub("", text, count=1) if _HEADING.match(text) else text
    if "\n" not in text and re.search(r"\\nSteps: ?\d", text):  # out of JSON or a program
        text = text.removeprefix('"').removesuffix('"')
        try:
            return json.loads(f'"{text}"')
        except ValueError:
            return text.replace("\\n", "\n")
    return text


def _settings_line(lines: list[str]) -> int | None:
    """Where the settings begin: A1111's choice is the last line, wherever that can be settings."""
    last = len(lines) - 1
    starts = [index for index, line in enumerate(lines) if _START.match(line)]
    if last in starts:
        return last
    sure = [index for index in starts if _SURE_START.match(lines[index])]
    inside = [index for index, line in enumerate(lines) if not _START.match(line) and _inside(line) is not None]
    for index in (sure or starts)[-1:] or inside[-1:]:
        if not _is_settings(lines[last]) or not _parameters("\n".join(lines[index:]))[1]:
            return index
    return last if _is_settings(lines[last]) else None


def _is_settings(line: str) -> bool:
    """Whether A1111 takes this line for settings, if it is the last."""
    if _TEMPLATE_LINE.match(line):
        return False
    pairs = [found for found in _parameters(line.strip())[0] if found.key != found.value or found.written]
    return sum(_A1111_KEY.fullmatch(found.key) is not None for found in pairs) >= _FEWEST


def _inside(line: str) -> int | None:
    """Where the settings begin in a line that begins with a prompt; None if they do not."""
    known = -1
    for found in reversed(list(_INSIDE.finditer(line))):
        known = _known_until(line) if known < 0 else known
        if found.start() > known and not _OTHER_STEPS.search(line[max(0, found.start() - 20) : found.start()]):
            return found.start()
    return None


def _known_until(line: str) -> int:
    """Where in a line the first piece begins that is not a setting: those before belong together."""
    position = 0
    while position < len(line):
        end = _piece_end(line, position)
        if line[position:end].partition(":")[0].strip().lower() not in _SETTINGS:
            break
        position = end + 1
    return position


def _cut_prompts(lines: list[str]) -> list[str]:
    """With the negative prompt in a line of its own."""
    if any(map(_NEGATIVE_LINE.match, lines)):
        return lines
    *before, line = lines
    prompt, mark, negative = line.partition(NEGATIVE)
    return [*before, _without_break(prompt), mark + negative] if mark else lines


def _without_break(text: str) -> str:
    """Without what stands for the line break behind it: blanks, or the dot that exiftool prints."""
    return text.removesuffix(".") if text.endswith(".") else text.rstrip()


def _prompts(lines: list[str]) -> tuple[str, str, tuple[Parameter, ...]]:
    """Prompt, negative prompt and SD.Next's templates; A1111, too, takes the first line that says so."""
    found = [index for index, line in enumerate(lines) if _NEGATIVE_LINE.match(line)]
    exact = [index for index in found if lines[index].lstrip().startswith(NEGATIVE)]
    for index in (exact or found)[:1]:
        first = lines[index][_NEGATIVE_LINE.match(lines[index]).end() :]  # type: ignore[union-attr]
        negative, templates = _templates([first, *lines[index + 1 :]])
        return "\n".join(lines[:index]), negative, templates
    return "\n".join(lines), "", ()


def _templates(lines: list[str]) -> tuple[str, tuple[Parameter, ...]]:
    """The negative prompt, and what lies behind it."""
    ends = [*(index for index, line in enumerate(lines) if _TEMPLATE_LINE.match(line)), len(lines)]
    parts = ("\n".join(lines[start:end]).partition(":") for start, end in pairwise(ends))
    return "\n".join(lines[: ends[0]]), tuple(Parameter(key.strip(), value.strip()) for key, _, value in parts)


def _parameters(text: str) -> tuple[tuple[Parameter, ...], str]:
    """The settings that a text begins with, and the lines behind them."""
    found, position = [], 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        end = _value_end(text, pair.end()) if pair else _piece_end(text, position)
        if pair:
            key, raw = _WRAP.sub(" ", pair["key"]).rstrip(), text[pair.end() : end].strip()
            raw = raw if raw.startswith(('"', "[", "{")) else _WRAP.sub(" ", raw)
            value = _unquoted(raw)
            found.append(Parameter(key, value, None if key != value and quoted(value) == raw else raw))
        elif word := _WRAP.sub(" ", text[position:end].strip()):
            found.append(Parameter(word, word))
        position = _BLANKS.match(text, end + (text[end : end + 1] == ",")).end()  # type: ignore[union-attr]
        line_break = text.find("\n", end, position)
        if line_break >= 0 and not _goes_on(text, position):
            return tuple(found), text[line_break + 1 :]
    return tuple(found), ""


def _goes_on(text: str, start: int) -> bool:
    """Whether the line that starts here has more of the settings."""
    line = _line(text, start)
    is_other = _TEMPLATE_LINE.match(line) or _NEGATIVE_LINE.match(line)
    return not is_other and bool(_PAIR.match(line) or _FURTHER_PAIR.search(line))


def _value_end(text: str, start: int) -> int:
    """Where the value that starts here ends: strings and JSON lists may hold commas and line breaks."""
    if quotes := _QUOTED.match(text, start):
        return quotes.end()
    if text.startswith(("[", "{"), start):
        try:
            end = _JSON.raw_decode(text, start)[1]
        except (ValueError, RecursionError):
            end = start
        if end > start and _END.match(text, end):
            return end
    return _piece_end(text, start)


def _piece_end(text: str, start: int) -> int:
    """The next comma, or the line break before something else than the rest of this piece."""
    while mark := _MARK.search(text, start):
        line = _line(text, mark.end()) if mark[0] == "\n" else ""
        if not line.strip() or _PAIR.match(line) or not _goes_on(text, mark.end()):
            return mark.start()
        start = mark.end()
    return len(text)


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start : len(text) if end < 0 else end]


def _unquoted(raw: str) -> str:
    """The value behind the quotes; as it is where that is not one JSON string, or not text that can be stored."""
    try:
        value = _PATIENT_JSON.decode(raw) if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw
        value.encode()
    except ValueError:
        return raw
    return value
