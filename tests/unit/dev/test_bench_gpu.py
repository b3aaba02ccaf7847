"""The checks of a graphics card, tried on the CPU at small sizes."""

import json
import os
import subprocess
import sys

import pytest
import torch
from hires_pack.dev.cli import run_bench
from hires_pack.dev.mount import command


@pytest.mark.slow
def test_a_dry_run_finds_nothing_wrong(tmp_path):
    report = tmp_path / "report.json"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    line = [sys.executable, *command("dev.cli.run_bench"), "bench", "gpu", "--cpu", "--json", str(report)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["name"]: row for row in json.loads(report.read_text())["rows"]}
    assert found["caches emptied for that"]["found"] == 0
    assert found["caches emptied after memory ran out"]["found"] == 1
    assert found["smaller tiles than fit: to the whole"]["good"]
    for model in ("ESRGAN 1", "Compact 16", "SwinIR light, 4 blocks"):
        assert found[f"{model}, float32: to the CPU's float32"]["good"]
    assert any("speed over core's" in name for name in found)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_the_dry_run_is_named(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run_bench.py", "bench", "gpu"])
    assert run_bench.main() == 1
    assert "--cpu" in capsys.readouterr().err
