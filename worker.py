"""A worker for Hires Fix & Upscale: a process that upscales or redraws for a ComfyUI on this or another machine.

    python worker.py --serve tcp://127.0.0.1:8786 --models MODELS     a scheduler, and workers of this machine
    python worker.py tcp://127.0.0.1:8786 --models MODELS             more workers for it, from anywhere

Needs this folder, the packages that ComfyUI brings and `pip install "dask[distributed]"`; for windows of Tiled Redraw
also a ComfyUI (`--comfyui FOLDER`). In ComfyUI's user folder the file hires_fix_workers.yaml then names the scheduler;
see docs/machines.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parent


def module(name: str):  # noqa: ANN201 - a module of the pack
    """A module of the pack, by its path from this folder, whatever that is called."""
    if "hires_fix_pack" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "hires_fix_pack", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        assert spec is not None
        assert spec.loader is not None
        pack = importlib.util.module_from_spec(spec)
        sys.modules["hires_fix_pack"] = pack
        spec.loader.exec_module(pack)
    return importlib.import_module(f"hires_fix_pack.{name}")


if __name__ == "__main__":
    sys.exit(module("machines.serving").main(sys.argv[1:]))
if "hires_fix_worker" not in sys.modules:  # a process of Dask's, which loads this file before it takes work
    module("machines.dask_door").open_door()
