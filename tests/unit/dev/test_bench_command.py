"""`dev.py bench`: what is said before anything is measured, and the report."""

from pathlib import Path

import pytest
from hires_pack.dev.benchmarks import bench_sampling, peak_memory
from hires_pack.dev.cli import run_bench

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(monkeypatch):
    """Run the script with these arguments; its exit status."""
    script = run_bench

    def main(*arguments):
        monkeypatch.setattr("sys.argv", ["run_bench.py", "bench", *map(str, arguments)])
        return script.main()

    return main


def test_where_no_report_can_be_is_said_before_anything_is_measured(run, tmp_path, monkeypatch, capsys):
    def measured(_):
        raise AssertionError("measured")

    monkeypatch.setattr(bench_sampling, "run", measured)
    (tmp_path / "file").touch()
    assert run("sampling", "--json", tmp_path / "file" / "report.json") == 1
    assert run("sampling", "--json", tmp_path) == 1
    assert "--json needs the name of a file" in capsys.readouterr().err


def test_streaming_says_where_memory_cannot_be_measured(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peak_memory, "_CLEAR", tmp_path / "no" / "clear_refs")
    report = tmp_path / "report.json"
    assert run("streaming", "--sizes", 64, "--json", report) == 1
    assert "only be measured on Linux" in capsys.readouterr().err
    assert not report.exists()
