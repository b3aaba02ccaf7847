"""The jobs and the table of the upscale benchmark."""

import pytest
import torch
from hires_pack.dev.benchmarks.upscale_jobs import jobs
from hires_pack.dev.benchmarks.upscale_report import COLUMNS, Row, table
from hires_pack.dev.command_line import UPSCALE_JOBS
from hires_pack.upscale_models import from_state_dict


def test_the_command_line_knows_every_job() -> None:
    assert tuple(jobs(on_gpu=False)) == tuple(jobs(on_gpu=True)) == UPSCALE_JOBS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["compact", "span", "swinir", "free"])
def test_the_networks_are_real_ones_whose_results_use_the_range_of_a_picture(name: str) -> None:
    job = jobs(on_gpu=False)[name]
    descriptor = from_state_dict(name, job.make().state_dict()).descriptor
    assert descriptor.scale == 4
    corner = job.picture()[:, :40, :56]
    with torch.no_grad():
        result = descriptor(corner.movedim(-1, 1).contiguous())
    assert result.std() > 0.1
    assert ((result <= 0) | (result >= 1)).float().mean() < 0.02, "saturated values hide differences"


def test_every_picture_of_a_batch_differs_and_sizes_follow_the_factor() -> None:
    known = jobs(on_gpu=False)
    batch = known["batch"].picture()
    assert batch.shape == (4, 128, 128, 3)
    assert len({picture.sum().item() for picture in batch}) == 4
    assert known["half"].size == (2048, 2048)
    assert known["compact"].size == (4096, 4096)
    assert (known["esrgan"].width, jobs(on_gpu=True)["esrgan"].width) == (256, 1024)


def row(**changes: object) -> Row:
    values = {
        "name": "a job", "weights": "real", "mode": "auto", "speedup": 5.0, "cpu_speedup": 4.5, "bound": 5.5,
        "first_use": 1.25, "chainner_speedup": 6.0, "untiled_speedup": 7.0, "memory_ratio": 0.25, "psnr": 60.0,
        "psnr_untiled": 57.4, "max_abs_untiled": 0.01, "core_psnr_untiled": 64.0, "seam": 1.0, "core_seam": 1.2,
        "overhead_ratio": None, "seconds": 1.0, "core_seconds": 5.0, "peak_bytes": 1, "core_peak_bytes": 4, "pairs": 3,
        "goal": 3.5,
    }  # fmt: skip
    return Row(**{**values, **changes})  # type: ignore[arg-type]


def test_the_table_is_markdown_with_a_line_for_each_row() -> None:
    lines = table([row(), row(mode="float32", memory_ratio=None, goal=None, overhead_ratio=0.1)]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(COLUMNS)
    assert set("".join(cells[1])) == {"-", ":"}
    assert cells[2] == [
        "a job", "real", "auto", "5.00×", "4.50×", "5.50×", "1.25×", "6.00×", "7.00×", "3.5×", "0.25", "", "60", "57",
        "64", "1.000", "1.200",
    ]  # fmt: skip
    assert cells[3][2:5] == ["float32", "5.00×", "4.50×"]
    assert cells[3][9:12] == ["", "", "0.10"]
