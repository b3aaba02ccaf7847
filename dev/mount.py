"""Make the checkout importable as a package; its root on sys.path would shadow modules of ComfyUI.

As a program it runs one of the modules: `python dev/mount.py dev.generate.build_workflows --check`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).absolute().parent.parent
ALIAS = "hires_pack"


def package() -> ModuleType:
    """Return the checkout as a package, whatever its folder is called."""
    if ALIAS not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            ALIAS, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        assert spec is not None
        assert spec.loader is not None
        pack = importlib.util.module_from_spec(spec)
        sys.modules[ALIAS] = pack
        spec.loader.exec_module(pack)
    return sys.modules[ALIAS]


def module(name: str) -> ModuleType:
    """Return a module by its path from the root, such as `dev.parity.run`."""
    package()
    return importlib.import_module(f"{ALIAS}.{name}")


def command(name: str) -> list[str]:
    """The command line that runs the `main` of a module, without its Python and its arguments."""
    return [str(Path(__file__).absolute()), name]


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, whose packages are no top-level ones
    del sys.argv[0]
    sys.exit(module("dev.stopping").run(module(sys.argv[0]).main))
