"""Numbers as texts: amounts of memory and disk for people, and numbers that texts hold."""

from __future__ import annotations

import math


def as_bytes(count: float) -> str:
    """Three digits and a unit: "812 bytes", "3.15 MB", "20 GB"; never "0.00 GB"."""
    count = max(0.0, float(count))
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= 0.9995 * size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return f"{round(count)} {'byte' if round(count) == 1 else 'bytes'}"


def number(text: str) -> float | None:
    """The number that a text is; None where it is none, or not a finite one."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
