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
    assert "| Compact 16, 4 pictures, 128×128 → 512×512 | generated | auto |" in done.stdout
    found = json.loads(report.read_text(encoding="utf-8"))
    auto, exact, fast = found["rows"]
    assert [row["mode"] for row in found["rows"]] == ["auto", "float32", "float32 (fast convolutions)"]
    assert {row["weights"] for row in found["rows"]} == {"generated"}
    assert auto["first_use"] > 0
    assert auto["speedup"] > 0
    assert auto["pairs"] == 1
    assert exact["psnr_untiled"] >= found["goals"]["psnr_untiled"]["float32"]
    assert fast["psnr_untiled"] >= found["goals"]["psnr_untiled"]["float32 (fast convolutions)"]
    assert auto["psnr_untiled"] >= found["goals"]["psnr_untiled"]["auto"]
    assert found["machine"]["comfyui"]
