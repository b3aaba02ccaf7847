"""Every generated test model in one folder: written once, again when its generator changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...demo import checkpoint as demo_checkpoint
from ...demo.once import write_once
from . import faces, families, oracle, upscaler_families, upscalers

ROOT = Path(__file__).resolve().parent.parent.parent
DEFAULT_FOLDER = ROOT / ".host" / "test-models"
DEMO_FOLDER = ROOT / ".host" / "demo"

_SHARED = ("demo/weights.py",)


@dataclass(frozen=True)
class ModelFiles:
    """Where the models are, by ComfyUI's folder names."""

    folder: Path
    demo: Path
    """The checkpoint of `dev.py demo`, shared with it."""

    @property
    def checkpoints(self) -> list[Path]:
        """Every checkpoint."""
        return [self.demo, *sorted((self.folder / "checkpoints").glob("*.safetensors"))]

    @property
    def upscale_models(self) -> list[Path]:
        """Every upscaler, the bad files included."""
        return sorted(
            f for f in (self.folder / "upscale_models").iterdir() if f.suffix in (".safetensors", ".pth", ".pt")
        )


@dataclass(frozen=True)
class _Group:
    name: str
    sources: tuple[str, ...]
    write: Callable[[Path], None]


def _write_families(folder: Path) -> None:
    for family in families.FAMILIES.values():
        family.write(folder / "checkpoints")


def _write_oracle(folder: Path) -> None:
    oracle.write_checkpoints(folder / "checkpoints")
    oracle.write_upscalers(folder / "upscale_models")


_GROUPS = (
    _Group(
        "families",
        ("tests/checkpoints/families.py", "tests/checkpoints/taesd.py", "tests/checkpoints/wan_vae.py", *_SHARED),
        _write_families,
    ),
    _Group("oracle", ("tests/checkpoints/oracle.py", "tests/checkpoints/clip_l.py", *_SHARED), _write_oracle),
    _Group(
        "upscalers",
        ("tests/checkpoints/upscalers.py", *_SHARED),
        lambda folder: upscalers.write_all(folder / "upscale_models"),
    ),
    _Group(
        "upscaler-families",
        ("tests/checkpoints/upscaler_families.py", "tests/checkpoints/seeded_network.py", *_SHARED),
        lambda folder: upscaler_families.write_files(folder / "upscale_models"),
    ),
    _Group("faces", ("tests/checkpoints/faces.py", *_SHARED), faces.write_all),
)


def ensure(folder: Path = DEFAULT_FOLDER, say: Callable[[str], None] = print) -> ModelFiles:
    """Write the groups that are missing or stale, about 15 seconds and 1.3 GB in all, and return the list."""
    for kind in ("checkpoints", "upscale_models"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for group in _GROUPS:
        started = time.monotonic()
        sources = [ROOT / source for source in group.sources]
        if write_once(folder / f"{group.name}.stamp", sources, partial(group.write, folder)):
            say(f"[test models] {group.name}: written in {time.monotonic() - started:.1f} s")
    return ModelFiles(folder, demo_checkpoint.ensure(DEMO_FOLDER))
