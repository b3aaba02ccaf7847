"""What became of the pictures of a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_MOST_NAMES = 50  # in one list: some folders hold a text file beside every picture


@dataclass
class Report:
    """Filled while a folder is worked through."""

    done: list[str] = field(default_factory=list)
    """Pictures that were upscaled."""
    results: list[Path] = field(default_factory=list)
    """Files that were written."""
    skipped: list[str] = field(default_factory=list)
    """Pictures whose result was there already."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Pictures without a result, and why."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Pictures whose result is not where one would look for it, and where it is; files with several pictures; what else
    there is to say of a result."""
    in_part: list[str] = field(default_factory=list)
    """Files that hold another picture, which was not upscaled, behind the one that was; see `holds_another`."""
    workers: list[str] = field(default_factory=list)
    """What each of several workers did, and what went otherwise than planned with them."""
    passed_over: list[tuple[str, str]] = field(default_factory=list)
    """Files and folders that were not looked into, and why; the reasons are few."""

    def text(self) -> str:
        """Counts in one line, then every failure and every note in a line of its own, then what was passed over.

        Always text that can be written: `?` stands for what is none in the name of a file.
        """
        count = len(self.done) + len(self.skipped) + len(self.failed)
        lines = [
            f"{count} {'picture' if count == 1 else 'pictures'}: {len(self.done)} done, "
            f"{len(self.skipped)} skipped (there already), {len(self.failed)} failed"
        ]
        for title, entries in (("Failed", self.failed), ("Notes", self.notes)):
            if entries:
                lines += ["", f"{title}:", *(f"  {name}: {_one_line(reason)}" for name, reason in entries)]
        if self.workers:
            lines += ["", "Workers:", *(f"  {_one_line(line)}" for line in self.workers)]
        groups: dict[str, list[str]] = {}
        for name, reason in self.passed_over:
            groups.setdefault(f"Passed over ({{}}), {reason}:", []).append(name)
        if self.in_part:
            groups["Taken in part ({}), a preview, depth map or second view lies behind the picture:"] = self.in_part
        for title, names in groups.items():
            lines += ["", title.format(len(names)), f"  {_few(names)}"]
        # bytes of a name that are no text would be refused by whoever writes this down
        return "\n".join(lines).encode("utf-8", "replace").decode()


def _few(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(_one_line(name) for name in names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _one_line(text: str) -> str:
    return " ".join(text.split())
