"""What ComfyUI's registry asks of a pack, but for the publisher's id, which only the owner has."""

import re
import subprocess
from pathlib import Path

import tomllib
from hires_pack.dev.release import PLACEHOLDER

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ABOUT, COMFY = PROJECT["project"], PROJECT["tool"]["comfy"]
FILES = "https://raw.githubusercontent.com/OWNER/hires-fix/main/"

LARGEST = 6 * 1024 * 1024
"""Bytes of all that is installed for users."""


def tracked():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


def published():
    """Files that the registry gets: those under version control but for the lines of .comfyignore, all plain names."""
    left_out = (ROOT / ".comfyignore").read_text(encoding="utf-8").split()
    return [name for name in tracked() if not any(name == one or name.startswith(one) for one in left_out)]


def test_name_version_and_licence():
    assert re.fullmatch(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*", ABOUT["name"])
    assert len(ABOUT["name"]) < 100
    assert "comfyui" not in ABOUT["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", ABOUT["version"])
    assert (ROOT / ABOUT["license"]["file"]).is_file()
    assert ABOUT["description"]
    assert COMFY["DisplayName"]
    assert re.fullmatch(r">=\d+\.\d+\.\d+", COMFY["requires-comfyui"])


def test_classifiers_are_of_those_that_the_registry_reads():
    """A single one of another kind makes it drop them all."""
    known = {"Operating System :: OS Independent", *(f"Environment :: GPU :: {name}" for name in GPUS)}
    assert set(ABOUT["classifiers"]) <= known


GPUS = ("NVIDIA CUDA", "AMD ROCm", "Intel Arc", "Apple Metal")


def test_addresses_lead_to_one_repository():
    assert {"Repository", "Documentation", "Issues"} <= set(ABOUT["urls"])
    assert all(url.startswith(f"https://github.com/{PLACEHOLDER}") for url in ABOUT["urls"].values())


def test_icon_and_banner_are_in_the_tree_and_of_the_right_shape():
    for name, wanted in (("Icon", 1), ("Banner", 21 / 9)):
        assert COMFY[name].startswith(FILES)
        text = (ROOT / COMFY[name].removeprefix(FILES)).read_text(encoding="utf-8")
        width, height = map(int, re.search(r'<svg [^>]*width="(\d+)" height="(\d+)"', text).groups())
        assert width / height == wanted
        assert name == "Banner" or width <= 400


def test_what_is_published_is_what_runs():
    files = published()
    assert {name.partition("/")[0] for name in files} == {
        "CHANGELOG.md", "LICENSE", "README.md", "__init__.py", "docs", "hires", "host", "locales", "machines", "nodes",
        "pictures", "pyproject.toml", "recipes", "requirements.txt", "sdapi", "subgraphs", "upscale_models", "web",
        "worker.py", "workflows",
    }  # fmt: skip
    assert sum((ROOT / name).stat().st_size for name in files) < LARGEST


def test_publishing_asks_for_an_id_and_a_token_alone():
    text = (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", text))
    assert asked == {"COMFY_PUBLISHER_ID", "REGISTRY_ACCESS_TOKEN"}
