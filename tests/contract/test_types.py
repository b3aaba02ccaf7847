"""What is shipped passes pyright's standard rules, as configured in pyproject.toml."""

import json
import subprocess
import sys
from pathlib import Path

import tomllib
from hires_pack.dev.host.comfyui_host import default_comfyui

ROOT = Path(__file__).resolve().parents[2]


def test_types_are_right(tmp_path):
    """With the packages of this Python and the ComfyUI that the tests run on."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["basedpyright"]
    config |= {"include": [str(ROOT / path) for path in config["include"]], "extraPaths": [str(default_comfyui())]}
    del config["venv"], config["venvPath"]
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*command, "-p", str(tmp_path)], capture_output=True, text=True, check=False)
    problems = [each for each in json.loads(done.stdout)["generalDiagnostics"] if each["severity"] == "error"]
    assert not [f"{each['file']}:{each['range']['start']['line'] + 1}: {each['message']}" for each in problems]
