"""`dev.py quality` on the real host: one seed of hires fix, with the JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUALITY = [sys.executable, str(ROOT / "dev" / "mount.py"), "dev.cli.run_quality", "quality"]


def run(*arguments, cwd):
    command = [*QUALITY, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=os.environ)


def test_one_seed(tmp_path):
    report = tmp_path / "new" / "report.json"
    done = run("--only", "hires", "--seeds", 1, "--jobs", 1, "--json", report, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["psnr_gain_2x"] is found["psnr_gain_4x"] is found["upscalers"] is None
    hires = found["hires"]
    always = {"prompt adherence", "composition agreement", "sharpness", "detail as drawn"}
    assert always <= set(hires["measures"]) <= always | {"steepness inside things"}
    assert {line["pairs"] for line in hires["measures"].values()} == {1}
    assert f"wins {found['hires_wins']} of {len(hires['measures'])}" in done.stdout
    (row,) = hires["rows"]
    assert row["seed"] == 100
    assert 0 <= row["adherence_hires"] <= 1
    # what it is made of: hires fix starts from the base picture, direct sampling does not
    assert row["composition_hires"] > row["composition_direct"]
    assert found["machine"]["comfyui"]


def test_a_file_that_is_no_model_is_said_in_a_sentence(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    bad = run("--only", "upscalers", "--models", "bad.safetensors", cwd=tmp_path)
    assert bad.returncode == 1
    assert "bad.safetensors" in bad.stderr
    assert "Traceback" not in bad.stderr
