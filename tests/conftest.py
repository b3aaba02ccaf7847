"""Mount the repository as the package `hires_pack`.

The root folder is never put on `sys.path`: its `nodes/` would shadow the host's `nodes.py`, and a checkout may be
called anything. Tests write `from hires_pack.hires import sizes`.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _mount(alias: str) -> None:
    spec = importlib.util.spec_from_file_location(alias, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    spec.loader.exec_module(module)


_mount("hires_pack")
