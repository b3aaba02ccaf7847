"""What opens can be read at once: from the dialog, at the editor's own zoom, on a small laptop and on a usual screen.

The usual screen is that of all tests: test_workflows.py looks there, too.
"""

import pytest
from hires_pack.tests.contract.test_layout import SMALL_LAPTOP, fitted

from .reading import WINDOWS, look
from .shipped import WORKFLOWS, name_of, read

TIGHT = sorted(WORKFLOWS, key=lambda path: fitted(read(path), SMALL_LAPTOP))[:6]
"""Those that a small laptop shows the smallest. tests/contract/test_layout.py works the zoom of all of them out."""

NODES_2 = ("hires-fix-pixel", "hires-fix-a1111", "multi-stage-upscale")
"""Of the workflows, those that are looked at in Nodes 2.0: the plain one, the largest, and one made of boxes."""


@pytest.fixture
def window(ui, request):
    """A window of the size that the test asks for."""
    ui.resize(*WINDOWS[request.param])
    return request.param


@pytest.mark.parametrize("window", ["laptop"], indirect=True)
@pytest.mark.parametrize("path", TIGHT, ids=name_of)
def test_a_template_is_read_on_a_small_laptop(path, ui, window):
    ui.open_template(path.stem)
    ui.screenshot(f"readable-{name_of(path)}-{window}")
    seen = look(ui)
    seen.require_readable()
    assert seen.zoom == pytest.approx(fitted(read(path), WINDOWS[window]), rel=0.05)


@pytest.mark.smoke
@pytest.mark.parametrize("window", WINDOWS, indirect=True)
@pytest.mark.parametrize("path", [path for path in WORKFLOWS if name_of(path) in NODES_2], ids=name_of)
def test_a_template_is_read_in_nodes_2(path, nodes_2, ui, window):
    ui.open_template(path.stem)
    ui.screenshot(f"readable-{name_of(path)}-{window}-nodes-2")
    look(ui).require_readable()
