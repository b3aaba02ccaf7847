"""The redraw benchmark on the real host's modules: its smallest job, with its JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_smallest_job(tmp_path):
    report, pictures = tmp_path / "new" / "report.json", tmp_path / "pictures"
    command = [sys.executable, str(ROOT / "dev" / "mount.py"), "dev.cli.run_bench", "bench", "redraw", "--narrow"]
    command += ["--seeds", "1", "--size", "320", "--steps", "1", "--json", str(report), "--pictures", str(pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "| per-tile | 2.25 |" in done.stdout
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["machine"]["comfyui"]
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == ["untiled", "default", "overlap-12.5", "per-tile"]
    for row in rows.values():
        assert list(row["seam"]) == list(row["p"]) == ["1", "4", "16"]
        assert len(row["period"]) == 3
        assert row["overhead"] > 0
    # 2 x 2 windows of 192; one window, and the picture of the whole model; 3 x 3 tiles brought to 160
    assert [rows[name]["pixels_ratio"] for name in rows] == pytest.approx([1, 1.44, 1, 2.25])
    assert rows["untiled"]["distance"] == rows["overlap-12.5"]["distance"] == 0
    assert rows["default"]["distance"] > 0.1
    assert rows["per-tile"]["distance"] > 0.1
    assert rows["untiled"]["seam"] == rows["default"]["control"]["seam"]
    assert rows["untiled"]["to_untiled"]["change"] == 0 < rows["default"]["to_untiled"]["change"]
    assert rows["overlap-12.5"]["seam"]["1"] is None, "one window has no lines"
    assert {file.name for file in pictures.iterdir()} == {f"100-{name}.png" for name in ("before", *rows)}
