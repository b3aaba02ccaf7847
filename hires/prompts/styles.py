"""A1111's styles: pieces of prompts under a name, in a table styles.csv.

Source: behaviour of AUTOMATIC1111 stable-diffusion-webui v1.10.1.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import InputError

PLACE = "{prompt}"
"""Where a style takes the prompt into its middle; others are put behind it."""

LONGEST = 2**17
"""Characters of a prompt with its styles: each may hold the place of the prompt several times."""


class StyleError(InputError):
    """A style, or a table of them, that cannot be used."""


@dataclass(frozen=True)
class Style:
    name: str
    prompt: str
    negative_prompt: str


def read_styles(lines: Iterable[str]) -> dict[str, Style]:
    """The styles of a table by their names; of equal names, the last.

    Its first line names the columns: name, prompt (of old: text) and negative_prompt, in any order.

    Raises:
        StyleError: no such table, as the end of a sentence about it.
    """
    rows = csv.DictReader(lines, skipinitialspace=True, strict=False)
    styles = {}
    try:
        columns = rows.fieldnames or ()
        words = next((name for name in ("prompt", "text") if name in columns), None)
        if "name" not in columns or words is None:
            found = ", ".join(map(str, columns)) or "empty"
            raise StyleError(f"its first line must name the columns name, prompt and negative_prompt; it is: {found}")
        for row in rows:
            name = row["name"] or ""
            if name and not name.startswith("#"):
                styles[name] = Style(name, row[words] or "", row.get("negative_prompt") or "")
    except csv.Error as error:
        raise StyleError(f"it is no table ({error})") from error
    return styles


def with_styles(prompt: str, pieces: Iterable[str]) -> str:
    """The prompt with pieces of styles, one after the other. Raises StyleError: it gets too long."""
    for piece in pieces:
        if PLACE in piece:
            if len(piece) + piece.count(PLACE) * len(prompt) > LONGEST:
                raise StyleError(f"with its styles the prompt would have more than {LONGEST} characters. Use fewer.")
            prompt = piece.replace(PLACE, prompt)
        else:
            prompt = ", ".join(filter(None, (prompt.strip(), piece.strip())))
    return prompt


def styled(prompt: str, negative_prompt: str, chosen: Iterable[Style]) -> tuple[str, str]:
    """Prompt and negative prompt with these styles. Raises StyleError; see `with_styles`."""
    chosen = tuple(chosen)
    pieces = [style.prompt for style in chosen]
    return with_styles(prompt, pieces), with_styles(negative_prompt, [style.negative_prompt for style in chosen])


def find_styles(names: Iterable[str], styles: Mapping[str, Style], where: str) -> list[Style]:
    """The styles of these names. `where`: the places that were looked in, for the sentence of a StyleError."""
    found = []
    for name in names:
        if name not in styles:
            raise StyleError(f"there is no style {name!r}. The {len(styles)} styles are read from {where}.")
        found.append(styles[name])
    return found
