"""Write what the recipes make: workflows/*.json for the editor, workflows/api/*.json for POST /prompt, and the boxes
of the node library, subgraphs/*.json.

python dev/mount.py dev.generate.build_workflows                    write them
python dev/mount.py dev.generate.build_workflows --check            say which file is stale, change nothing
python dev/mount.py dev.generate.build_workflows --thumbnails DIR   also make workflows/*.jpg from DIR/<name>.png;
                                           a workflow that has neither is drawn, see sketches.py

The editor's file and the thumbnail are called by the workflow's title, the API's file and `DIR`'s by its name.
"""

import argparse
import io
import itertools
import sys
from pathlib import Path
from typing import Any

from ...hires.graph.to_api import to_api
from ...hires.graph.to_app import to_app
from ...hires.graph.to_blueprint import to_blueprint
from ...hires.graph.to_ui import to_ui
from ...recipes import library
from ..mount import ROOT
from .files import as_json, stale, write

WORKFLOWS = ROOT / "workflows"
BLUEPRINTS = ROOT / "subgraphs"
FOLDERS = (WORKFLOWS, WORKFLOWS / "api", BLUEPRINTS)
"""Folders in which every JSON file is made by a recipe."""

THUMBNAIL_SIZES = ((512, 384), (400, 300), (320, 240))
"""4:3, the largest first; a smaller one is taken when a busy picture would need too many bytes."""

THUMBNAIL_QUALITIES = range(90, 45, -5)
THUMBNAIL_BYTES = 40 * 1024
_GOLDEN = 0.618
"""Steps of this around the circle of colours never come close to where they were."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def generated() -> dict[Path, str]:
    """Return the text of every generated file by its path."""
    files: dict[Path, str] = {}
    for name, workflow in library.WORKFLOWS.items():
        graph = workflow.build()
        files[WORKFLOWS / f"{workflow.title}.json"] = as_json(to_ui(graph))
        files[WORKFLOWS / "api" / f"{name}.json"] = as_json(to_api(graph))
    for name, app in library.APPS.items():
        files[WORKFLOWS / f"{name}.app.json"] = as_json(to_app(app.build()))
    for name, build in library.BLUEPRINTS.items():
        files[BLUEPRINTS / f"{name}.json"] = as_json(to_blueprint(build()))
    return files


def present() -> list[Path]:
    """Every JSON file of the folders, which recipes alone fill."""
    return [path for folder in FOLDERS for path in sorted(folder.glob("*.json"))]


def thumbnail(full: Any, name: str) -> bytes:
    """Return a 4:3 JPEG of at most `THUMBNAIL_BYTES`, cut from the middle of the RGB picture."""
    from PIL import Image, ImageOps  # only needed here: building the JSON files takes the standard library alone

    for size, quality in itertools.product(THUMBNAIL_SIZES, THUMBNAIL_QUALITIES):
        buffer = io.BytesIO()
        small = ImageOps.fit(full, size, Image.Resampling.LANCZOS)
        small.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= THUMBNAIL_BYTES:
            return buffer.getvalue()
    raise ValueError(f"{name} stays above {THUMBNAIL_BYTES} bytes as a thumbnail; choose a calmer picture")


def thumbnail_file(name: str) -> Path:
    """Where the thumbnail of the workflow of this name, or of the App of this title, belongs."""
    workflow = library.WORKFLOWS.get(name)
    return WORKFLOWS / (f"{workflow.title}.jpg" if workflow else f"{name}.app.jpg")


def write_thumbnails(folder: Path, names: list[str]) -> None:
    """Make the thumbnail of every workflow that has a picture of its name in `folder`, or no thumbnail yet.

    Raises `ValueError`, before anything is written, if a picture cannot be made small enough.
    """
    from PIL import Image

    made: dict[Path, bytes] = {}
    for name in names:
        target = thumbnail_file(name)
        pictures = [folder / f"{name}{suffix}" for suffix in PICTURE_SUFFIXES if (folder / f"{name}{suffix}").is_file()]
        if pictures:
            with Image.open(pictures[0]) as opened:
                made[target] = thumbnail(opened.convert("RGB"), name)
        elif not target.exists():
            made[target] = thumbnail(_sketch(name), name)
    for target, data in made.items():
        target.write_bytes(data)


def _sketch(name: str) -> Any:
    from . import sketches  # needs Pillow, as above

    everything = {**library.WORKFLOWS, **library.APPS}
    hue = list(everything).index(name) * _GOLDEN
    return sketches.draw(everything[name].sketch, hue, form=name in library.APPS)


def draw_missing(check: bool) -> list[str]:
    """Say which workflows have no thumbnail, and draw them unless `check`."""
    missing = [name for name in (*library.WORKFLOWS, *library.APPS) if not thumbnail_file(name).is_file()]
    if not check:
        write_thumbnails(WORKFLOWS, missing)
    return [f"workflows/{thumbnail_file(name).name} is missing" for name in missing]


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the saved workflows from the recipes.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is stale")
    parser.add_argument("--thumbnails", type=Path, metavar="DIR", help="folder with pictures called <name>.png")
    arguments = parser.parse_args()
    files = generated()
    if arguments.check:
        problems = stale(files, present())
        for problem in problems:
            print(f"{problem}; run: python3 dev.py generate", file=sys.stderr)
        return 1 if problems else 0
    write(files, present())
    if arguments.thumbnails is not None:
        try:
            write_thumbnails(arguments.thumbnails, [*library.WORKFLOWS, *library.APPS])
        except (OSError, ValueError) as error:
            print(f"no thumbnails: {error}", file=sys.stderr)
            return 1
    print(f"wrote {len(files)} files to {', '.join(str(folder.relative_to(ROOT)) for folder in FOLDERS)}")
    return 0
