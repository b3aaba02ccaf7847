"""Who may import whom, and what a room is: a folder by subject, small, with a docstring, in no circle of imports."""

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MATHS = {"torch", "numpy", "PIL"}
HOST = {
    "comfy",
    "comfy_api",
    "comfy_execution",
    "comfy_extras",
    "comfyui_version",
    "execution",
    "folder_paths",
    "latent_preview",
    "server",
    "nodes",
}

LAYERS = {
    "hires": (set(), MATHS | {"scipy"}),
    "upscale_models": ({"hires"}, MATHS | {"spandrel", "spandrel_extra_arches", "safetensors"}),
    "pictures": ({"hires"}, MATHS | {"av", "psutil"}),
    "machines": ({"hires", "upscale_models", "pictures"}, MATHS | {"safetensors", "yaml", "dask", "distributed"}),
    "recipes": ({"hires"}, set()),
    "sdapi": ({"hires", "upscale_models", "pictures", "recipes"}, MATHS | {"pydantic", "pydantic_core"}),
    "host": (
        {"hires", "upscale_models", "pictures", "machines", "recipes", "sdapi"},
        MATHS | {"spandrel", "aiohttp"} | HOST - {"comfy_api"},
    ),
    "nodes": ({"hires", "upscale_models", "pictures", "host"}, {"comfy_api"}),
}
"""Folder: (other folders of the pack, packages from outside) that it may import besides the standard library. Nothing
that is shipped imports `dev`, which may import all."""

STANDARD = sys.stdlib_module_names | {"_typeshed"}  # the latter is there for type checkers alone

MOST_FILES = 15
"""Python files of a room besides its `__init__`."""

ONE_FILE_EACH = {"nodes"}
"""Rooms that are lists, a file an entry: these may be longer."""

FILES = sorted(path for folder in (*LAYERS, "dev") for path in (ROOT / folder).rglob("*.py"))
PACKS = ROOT / "dev" / "fixtures"
"""Each folder in here is a pack of its own, which a test's host loads."""


def imported(path):
    """(file inside the pack or None, top-level name) of everything a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((None, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield None, (node.module or "").split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for place in (base / alias.name for alias in node.names):
                names = (place.with_suffix(".py"), place / "__init__.py", base.with_suffix(".py"), base / "__init__.py")
                yield next(name for name in names if name.is_file()), base.relative_to(ROOT).parts[0]


IMPORTS = {path: list(imported(path)) for path in FILES}


def room(path):
    return path.parent.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("folder", LAYERS)
def test_a_folder_imports_only_what_it_may(folder):
    inside, outside = LAYERS[folder]
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] == folder]
    assert files
    for path in files:
        for file, name in IMPORTS[path]:
            allowed = {folder, *inside} if file else outside | STANDARD
            assert name in allowed, f"{path.relative_to(ROOT)} may not import {name}"


@pytest.mark.parametrize("of", [lambda path: path.relative_to(ROOT).as_posix(), room], ids=["files", "rooms"])
def test_nothing_imports_in_a_circle(of):
    graph = defaultdict(set)
    for path, names in IMPORTS.items():
        graph[of(path)] |= {of(file) for file, _ in names if file} - {of(path)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as problem:
        pytest.fail(" -> ".join(reversed(problem.args[1])))


ROOMS = Counter(room(path) for path in FILES if path.name != "__init__.py" and PACKS not in path.parents[1:])


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_is_small_and_says_what_it_is(name):
    """What it is for, what it offers, what it imports: three lines at least."""
    assert name in ONE_FILE_EACH or ROOMS[name] <= MOST_FILES
    text = ast.get_docstring(ast.parse((ROOT / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert len(text.splitlines()) >= 3


def test_the_entry_point_imports_nothing_of_the_host_or_the_pack_at_module_level():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    names = [a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names]
    assert not [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert set(names) <= sys.stdlib_module_names


def test_the_host_free_folders_load_without_the_host():
    """In a fresh interpreter: nothing of ComfyUI gets loaded along the way, nor Dask, which nobody has asked for."""
    modules = [
        ".".join(("hires_pack", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for path in FILES
        if path.relative_to(ROOT).parts[0] in ("hires", "upscale_models", "pictures", "machines", "recipes", "sdapi")
    ]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r}); import conftest, importlib\n"
        f"[importlib.import_module(m) for m in {modules!r}]\n"
        f"print(sorted({HOST | {'dask', 'distributed'}!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_pack_asks_the_user_to_install_nothing():
    """Everything it needs, the host already brings: requirements.txt may hold comments only."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert not (ROOT / "install.py").exists()
