"""The streaming benchmark in its own processes, with one small picture."""

import json
from argparse import Namespace

import pytest
from hires_pack.dev.benchmarks import bench_streaming, peak_memory
from hires_pack.dev.report_file import ReportError

pytestmark = pytest.mark.skipif(not peak_memory.forget_peak(), reason="measures the process on Linux")


def test_one_small_picture(tmp_path, monkeypatch):
    run_until_half, killed = bench_streaming._run_until_half, []

    def half(source, target, size):
        run_until_half(source, target, size)
        journal = json.loads(target.with_name("large.tif.part.json").read_text(encoding="utf-8"))
        killed.append((target.exists(), target.with_name("large.tif.part").exists(), journal["marks"]))

    monkeypatch.setattr(bench_streaming, "_run_until_half", half)
    report, status = bench_streaming.run(Namespace(sizes=[512], whole_up_to=512, folder=tmp_path))
    assert killed == [(False, True, [512])], "of 1024 rows, in two rows of tiles"
    assert status == 0
    (row,) = report["rows"]
    assert row["same_bytes"] is row["resumed_same_bytes"] is True
    assert 0 < row["own_mb"] < row["peak_mb"]
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_before_half_is_not_taken_for_a_killed_one(tmp_path):
    with pytest.raises(ReportError, match=r"'half' at 64 failed:(.|\n)*none\.tif"):
        bench_streaming._run_until_half(tmp_path / "none.tif", tmp_path / "large.tif", 64)
