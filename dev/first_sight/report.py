"""The tables of what a stranger meets, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .openings import Opening
from .searches import Rank


def openings_table(found: Sequence[Opening]) -> list[str]:
    """A row for each opening."""
    lines = ["| what | frontend | window | zoom | text | hidden titles | overlaps | actions (clicks) | result |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for one in found:
        zoom = "form" if one.zoom is None else f"{one.zoom:.0%}"
        kind = " (Nodes 2.0)" if one.nodes_2 else ""
        missing = f"; not there: {', '.join(one.missing)}" if one.missing else ""
        cells = [one.name + kind, one.frontend, one.window, zoom, "yes" if one.text else "NO"]
        cells += [_listed(one.hidden_titles), _listed([" / ".join(pair) for pair in one.overlaps])]
        cells += [f"{len(one.actions)} ({one.clicks})" if one.actions else "", (one.result + missing)[:200]]
        lines.append("| " + " | ".join(cell.replace("|", "¦") for cell in cells) + " |")
    return lines


def search_table(found: dict[str, Sequence[Rank]]) -> list[str]:
    """A row for each word; a column for each of the searches, by its heading."""
    lines = ["| word | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for ranks in zip(*found.values(), strict=True):
        cells = [f"{one.rank}: {one.name}" if one.rank else f"none of {one.count}" for one in ranks]
        lines.append(f"| {ranks[0].word} | " + " | ".join(cells) + " |")
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
