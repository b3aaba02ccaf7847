"""What became of every case: a table to read, and JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from .measure import Measured

COLUMNS = {
    "noise": "first.noise",
    "sigmas": "first.sigmas",
    "first": "first.latent",
    "hr.init": "hr.init",
    "mask": "hr.mask",
    "hr.noise": "hr.noise",
    "noised": "hr.noised",
    "hr.sigmas": "hr.sigmas",
    "final": "hr.latent",
}
"""Heading -> stage."""


@dataclass
class Outcome:
    """One variant of one case."""

    ok: bool
    reason: str = ""
    """Why not, or, when it is fine, what to know about it."""
    measured: Measured = field(default_factory=Measured)

    def as_json(self) -> dict[str, Any]:
        """Errors that are not finite numbers (nothing came out, wrong shape) become null."""
        stages = {stage: _finite(error) for stage, error in self.measured.stages.items()}
        picture = {"psnr": _finite(self.measured.psnr), "off_by_more": _finite(self.measured.off_by_more)}
        return {"ok": self.ok, "stages": stages, **picture, "reason": self.reason}


@dataclass
class CaseOutcome:
    """One case: `main` is its injected variant (Extras: its only one)."""

    id: str
    main: Outcome
    encoded: Outcome | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every variant is."""
        return self.main.ok and (self.encoded is None or self.encoded.ok)

    @property
    def reason(self) -> str:
        """Of both variants; once where they agree."""
        if self.encoded is None or self.encoded.reason == self.main.reason:
            return self.main.reason
        texts = {"injected": self.main.reason, "encoded": self.encoded.reason}
        return "; ".join(f"{variant}: {text}" for variant, text in texts.items() if text)

    def as_json(self) -> dict[str, Any]:
        """One entry of the report."""
        entry = {"id": self.id, **self.main.as_json(), "ok": self.ok, "reason": self.reason}
        if self.encoded is not None:
            entry["encoded"] = self.encoded.as_json()
        return {**entry, "seconds": round(self.seconds, 1)}


def as_json(outcomes: list[CaseOutcome]) -> dict[str, Any]:
    """The report."""
    return {"cases": [outcome.as_json() for outcome in outcomes]}


def table(outcomes: list[CaseOutcome]) -> str:
    """Every variant in a line: relative L2 errors, PSNR in dB, share of pixels off by more than 1, verdict, reason."""
    rows = [["case", "variant", *COLUMNS, "PSNR", "off>1", "ok", "reason"]]
    for outcome in outcomes:
        variants = {"injected": outcome.main, "encoded": outcome.encoded} if outcome.encoded else {"": outcome.main}
        for name, variant in variants.items():
            assert variant is not None
            errors = [_error(variant.measured.stages.get(stage)) for stage in COLUMNS.values()]
            psnr = variant.measured.psnr
            decibels = "" if psnr is None else f"{psnr:.1f}"
            verdict = "yes" if variant.ok else "NO"
            off = _error(variant.measured.off_by_more)
            rows.append([outcome.id, name, *errors, decibels, off, verdict, variant.reason])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _error(value: float | None) -> str:
    if value is None:
        return ""
    return "0" if value == 0 else f"{value:.0e}" if math.isfinite(value) else "none"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
