"""Who may import whom. Inside the pack every import is relative."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MATHS = {"torch", "numpy", "PIL"}
HOST = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "latent_preview", "server", "nodes"}

ALLOWED = {
    "hires": ({"hires"}, MATHS | {"scipy"}),
    "upscale_models": ({"hires", "upscale_models"}, MATHS | {"spandrel", "spandrel_extra_arches", "safetensors"}),
    "pictures": ({"hires", "pictures"}, MATHS | {"av", "psutil"}),
    "recipes": ({"hires", "recipes"}, set()),
    "host": (
        {"hires", "upscale_models", "pictures", "recipes", "host"},
        MATHS
        | {"spandrel", "aiohttp", "comfy", "comfy_execution", "comfyui_version"}
        | {"folder_paths", "latent_preview", "nodes", "server"},
    ),
    "nodes": ({"hires", "upscale_models", "pictures", "host", "nodes"}, {"comfy_api"}),
}
"""Folder: (folders of the pack, packages from outside) that it may import besides the standard library."""


def _imports(path: Path) -> list[tuple[str, bool]]:
    """(top-level name, inside the pack) of everything a file imports, wherever in the file."""
    found = []
    depth = len(path.relative_to(ROOT).parts) - 1  # 1 for hires/sizes/image_sizes.py: one dot is hires, two the root
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name.split(".")[0], False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append(((node.module or "").split(".")[0], False))
        elif isinstance(node, ast.ImportFrom):
            if node.level <= depth:
                found.append((path.relative_to(ROOT).parts[0], True))
            elif node.module:
                found.append((node.module.split(".")[0], True))
            else:
                found += [(alias.name, True) for alias in node.names]
    return found


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_it_may(folder):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder}/ has no Python files"
    inside, outside = ALLOWED[folder]
    for path in files:
        for name, in_pack in _imports(path):
            allowed = inside if in_pack else outside | sys.stdlib_module_names
            assert name in allowed, f"{path.relative_to(ROOT)} may not import {name}"


def test_the_entry_point_imports_nothing_of_the_host_or_the_pack_at_module_level():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    names = [a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names]
    assert not [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert set(names) <= sys.stdlib_module_names


def test_the_host_free_folders_load_without_the_host():
    """In a fresh interpreter: nothing of ComfyUI gets loaded along the way."""
    modules = [
        ".".join(("hires_pack", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for folder in ("hires", "upscale_models", "pictures", "recipes")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import conftest, importlib\n"
        f"[importlib.import_module(m) for m in {modules!r}]\n"
        f"print(sorted({HOST!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_pack_asks_the_user_to_install_nothing():
    """Everything it needs, the host already brings: requirements.txt may hold comments only."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert not (ROOT / "install.py").exists()
