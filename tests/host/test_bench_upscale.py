"""The upscale benchmark on the real host's modules: one small job, with its JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_one_job(tmp_path):
    report = tmp_path / "new" / "report.json"
    command = [sys.executable, str(ROOT / "dev" / "mount.py"), "dev.cli.run_bench", "bench"]
    command += ["upscale", "--only", "batch"]
    done = subprocess.run(
        [*command, "--pairs", "1", "--json", str(report)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert "| Compact 16, 4 pictures, 128×128 → 512×512 | auto |" in done.stdout
    found = json.loads(report.read_text(encoding="utf-8"))
    auto, exact = found["rows"]
    assert (auto["precision"], exact["precision"]) == ("auto", "float32")
    assert auto["speedup"] > 0
    assert auto["pairs"] == 1
    assert exact["psnr_untiled"] >= found["goals"]["psnr_untiled"]["float32"]
    assert auto["psnr_untiled"] >= found["goals"]["psnr_untiled"]["auto"]
    assert found["machine"]["comfyui"]
