"""What became of every exchange: a table to read, and JSON in the form of the other kinds'."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .compare import Comparison
from .exchanges import Exchange

_MOST = 3
"""Differences that are told of a reply."""


@dataclass(frozen=True)
class Result:
    """One exchange."""

    exchange: Exchange
    status: int | None
    comparison: Comparison
    on_purpose: str | None
    """The line of `differences` that covers it."""
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.comparison.problems or self.on_purpose is not None

    @property
    def reason(self) -> str:
        problems = self.comparison.problems
        if not problems:
            return ""
        if self.on_purpose:
            return f"differs on purpose: {self.on_purpose}"
        more = f"; and {len(problems) - _MOST} more" if len(problems) > _MOST else ""
        return "; ".join(problems[:_MOST]) + more

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.exchange.id,
            "ok": self.ok,
            "session": self.exchange.session,
            "status": self.status,
            "psnr": _finite(self.comparison.psnr),
            "off_by_more": _finite(self.comparison.off_by_more),
            "reason": self.reason,
            "problems": self.comparison.problems,
            "seconds": round(self.seconds, 1),
        }


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The report."""
    return {"cases": [result.as_json() for result in results]}


def table(results: Sequence[Result]) -> str:
    """Every exchange in a line: statuses (A1111's, ours), PSNR in dB, share of pixels off by more than 1, reason."""
    rows = [["exchange", "session", "theirs", "ours", "PSNR", "off>1", "ok", "reason"]]
    for result in results:
        near, off = result.comparison.psnr, result.comparison.off_by_more
        statuses = [str(status or "-") for status in (result.exchange.status, result.status)]
        numbers = ["" if near is None else f"{near:.1f}", "" if off is None else f"{off:.0e}" if off else "0"]
        mark = "yes" if result.ok else "NO"
        rows.append([result.exchange.id, result.exchange.session, *statuses, *numbers, mark, result.reason])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    padded = [[*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]] for row in rows]
    return "\n".join("  ".join(row).rstrip() for row in padded)


def counts(results: Sequence[Result]) -> str:
    """How many are fine, those that draw or enlarge pictures apart from all others."""
    lines = []
    for name, of in (("with pictures", True), ("all others", False)):
        group = [result for result in results if result.exchange.is_generating == of]
        purposes = sum(1 for result in group if result.ok and result.on_purpose)
        fine = sum(result.ok for result in group)
        lines.append(f"{name}: {fine} of {len(group)} fine, {purposes} of them differ on purpose")
    return "\n".join(lines)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
