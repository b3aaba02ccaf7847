"""Lint and formatting, as configured in pyproject.toml, and what the registry's checkers ask of a pack."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_has_nothing_to_say(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def shipped(pattern):
    """Files of the registry's archive: all but what .comfyignore leaves out."""
    left_out = [line.rstrip("/") for line in (ROOT / ".comfyignore").read_text(encoding="utf-8").split()]
    files = [
        path for path in ROOT.rglob(pattern) if path.relative_to(ROOT).parts[0] not in (*left_out, ".host", "output")
    ]
    assert files
    return files


def test_the_code_is_readable_in_the_code_page_of_windows():
    for path in shipped("*.py"):
        path.read_text(encoding="utf-8").encode("cp1252")


@pytest.mark.parametrize("path", shipped("*.js"), ids=lambda path: path.name)
def test_the_editors_extensions_have_names_of_the_packs_own(path):
    """That is its display name in small letters. Nothing listens to the whole page, which all packs share."""
    code = path.read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    own = re.sub("[^a-z0-9]", "", project["tool"]["comfy"]["DisplayName"].lower())
    names = re.findall(r"registerExtension\(\{\s*name: '([^']*)'", code)
    assert len(names) == code.count("registerExtension(")
    assert all(name.startswith(f"{own}.") for name in names)
    assert "document.addEventListener" not in code
