"""Make the pictures of the help pages (web/docs).

python dev/mount.py dev.generate.help_pictures                                  the drawn ones
python dev/mount.py dev.generate.help_pictures --server URL --checkpoint NAME   also those that a running ComfyUI makes
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from ..demo.checkpoint import NAME as DEMO_CHECKPOINT
from ..demo.jobs import DEMO, Job, prepare_graph
from ..host.comfy_client import ComfyClient
from ..mount import ROOT
from . import help_drawings
from .files import GenerateError
from .help_results import results

PAGES = ROOT / "web" / "docs"
LARGEST = 30 * 1024
"""Bytes of a picture."""


def drawn() -> set[str]:
    """File names of the drawn pictures: every PNG that a page shows."""
    pages = (path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    return {name for text in pages for name in re.findall(r"!\[.*?\]\((.+?\.png)\)", text)}


def draw_missing(check: bool) -> list[str]:
    """Say which drawings are missing, and draw them unless `check`. Raises `GenerateError`."""
    missing = sorted(name for name in drawn() if not (PAGES / name).is_file())
    for name in missing if not check else ():
        _draw(name)
    return [f"{(PAGES / name).relative_to(ROOT)} is missing" for name in missing]


def _draw(name: str) -> None:
    draw = getattr(help_drawings, name.removesuffix(".png").replace("-", "_"), None)
    if draw is None:
        raise GenerateError(f"a page shows {name}, and help_drawings.py has no function of that name")
    draw().quantize(64).save(PAGES / name, optimize=True)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make the pictures of the help pages.")
    parser.add_argument("--server", help="address of a running ComfyUI with this pack")
    parser.add_argument("--checkpoint", default=DEMO_CHECKPOINT, help="of that server, of the SD1 family")
    arguments = parser.parse_args()
    made = sorted(drawn())
    for name in made:
        _draw(name)
    if arguments.server:
        client = ComfyClient(arguments.server)

        def hires_fix(strength: float) -> dict[str, Any]:
            job = Job("hires-fix-pixel", {"HiresFixRenoise": {"denoising_strength": strength}})
            return prepare_graph(job, DEMO, arguments.checkpoint, {})

        for name, picture in results(client, hires_fix).items():
            made.append(f"{name}.webp")
            picture.save(PAGES / made[-1], quality=80, method=6)
    heavy = [name for name in made if (PAGES / name).stat().st_size > LARGEST]
    print(f"wrote {len(made)} pictures" + (f"; over {LARGEST} bytes: {', '.join(heavy)}" if heavy else ""))
    return 1 if heavy else 0
