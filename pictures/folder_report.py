"""What became of the pictures of a folder."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """Filled while a folder is worked through."""

    done: list[str] = field(default_factory=list)
    """Pictures that were upscaled."""

    skipped: list[str] = field(default_factory=list)
    """Pictures whose result was there already."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    """Pictures without a result, and why."""

    notes: list[tuple[str, str]] = field(default_factory=list)
    """Pictures whose result is not where one would look for it, and where it is."""

    def text(self) -> str:
        """Counts in one line, then every failure and every note in a line of its own."""
        count = len(self.done) + len(self.skipped) + len(self.failed)
        lines = [
            f"{count} {'picture' if count == 1 else 'pictures'}: {len(self.done)} done, "
            f"{len(self.skipped)} skipped (there already), {len(self.failed)} failed"
        ]
        for title, entries in (("Failed", self.failed), ("Notes", self.notes)):
            if entries:
                lines += ["", f"{title}:", *(f"  {name}: {_one_line(reason)}" for name, reason in entries)]
        return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
