"""Run all tests in the prepared environment; extra arguments go to pytest. Used by `dev.py test`."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest

from .. import command_line
from ..host import frontends
from ..host.steps import PreparationError
from ..mount import ROOT

MOST_WORKERS = 4
"""Every worker that runs host tests has a server of its own: about 2.5 GB each."""

BROWSER_TESTS = "tests/frontend/"
FAST = ("tests/unit", "tests/contract", "-m", "not slow")
"""Need no server, no browser and no checkpoint."""


class Distribution:
    """Plugin of the pytest that hands out the tests."""

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Files go to whichever worker is free, but one worker gets all the tests of the editor."""
        from xdist.scheduler import LoadFileScheduling  # here: pytest warns of plugins that were imported before it

        class OneBrowser(LoadFileScheduling):
            def _split_scope(self, nodeid: str) -> str:
                return BROWSER_TESTS if nodeid.startswith(BROWSER_TESTS) else super()._split_scope(nodeid)

        config.option.loadscopereorder = False  # the order is that of tests/conftest.py
        return OneBrowser(config, log)


def main() -> int:
    """Run pytest in the checkout and print the total time."""
    options = command_line.parse(sys.argv[1:])
    os.chdir(ROOT)
    arguments = [*(FAST if options.fast else ()), *options.pytest_arguments]
    if options.frontend:
        try:
            os.environ["HIRES_FIX_FRONTEND"] = frontends.ensure(options.frontend).name
        except PreparationError as problem:
            print(f"\n{problem}", file=sys.stderr)
            return 2
        if not any(argument.startswith(BROWSER_TESTS) for argument in arguments):
            arguments.insert(0, BROWSER_TESTS)
    # the tests start some hundred Pythons, and every one would compile ComfyUI and the pack anew
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    cores = os.cpu_count() or 1
    workers = min(cores, MOST_WORKERS)
    # of torch, in the workers and their servers: threads of two processes on one core wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", str(cores // workers))
    status = pytest.main(["-n", str(workers), "--dist", "loadfile", *arguments], plugins=[Distribution()])
    minutes, seconds = divmod(time.monotonic() - started, 60)
    print(f"Total time of the tests: {int(minutes)} min {seconds:.0f} s")
    return int(status)
