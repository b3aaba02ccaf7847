"""What a host loads because the pack is there, whether it is used or not."""

import pytest
from hires_pack.dev.benchmarks.parts import start

LATER = ("scipy", "dask", "distributed", "hires_pack.recipes", "hires_pack.dev")
"""Needed by some jobs, by none at the start."""

BY_REQUEST = (
    "hires_pack.host.sdapi.routes", "hires_pack.host.sdapi.wire", "hires_pack.host.sdapi.generate",
    "hires_pack.sdapi.generate.requests", "hires_pack.sdapi.openapi",
)  # fmt: skip
"""All of A1111's API but its door."""


@pytest.mark.slow
def test_the_start_loads_nothing_that_only_jobs_need():
    started = start.run("", "bare")  # compiled files where Python keeps them: nothing is timed here
    assert started["nodes"] > 40
    unneeded = {name for name in started["loaded"] if f"{name}.".startswith(tuple(f"{later}." for later in LATER))}
    assert unneeded - {"hires_pack.dev", "hires_pack.dev.mount"} == set()
    assert set(BY_REQUEST).isdisjoint(started["loaded"])
