"""Mount the repository as the package `hires_pack`.

The root folder is never put on `sys.path`: its `nodes/` would shadow the host's `nodes.py`, and a checkout may be
called anything. Tests write `from hires_pack.hires import sizes`.
"""

import importlib.util
import sys
from collections import Counter
from pathlib import Path

MOUNT = Path(__file__).resolve().parent.parent / "dev" / "mount.py"

spec = importlib.util.spec_from_file_location("hires_pack_mount", MOUNT)
assert spec is not None
assert spec.loader is not None
mount = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = mount
spec.loader.exec_module(mount)
mount.package()


def pytest_collection_modifyitems(config, items):
    """Several workers get the longest files first, the editor's and the host's, so that none is left with one alone.

    Of the others, a test that is marked as slow weighs like twenty, and a file of one or two is one long job.
    """
    if hasattr(config, "workerinput"):
        first, tests = ("tests/frontend/", "tests/host/"), Counter(item.path for item in items)
        few = {path for path, count in tests.items() if count <= 2}
        tests.update(item.path for item in items for _ in range(20) if item.get_closest_marker("slow"))
        tests.update(path for path in few for _ in range(20))

        def order(item):
            # one server after the other: that of the newest frontend is started when the other's tests are over
            again = item.nodeid.startswith(first[0]) and "[bundled" not in item.nodeid
            return [not item.nodeid.startswith(one) for one in first], again, -tests[item.path]

        items.sort(key=order)


def pytest_configure():
    """A SIGTERM ends this process in order, be it one of several workers: else the servers of its tests would stay."""
    mount.module("dev.stopping").listen()
