"""One real ComfyUI, one browser, one page for all tests of the editor.

Fixture `ui` is an `Editor` with an empty canvas. After a failure the page is thrown away, and a picture of it, its
console, the graph and the end of the server's log are part of the report. Pictures are left in output/screenshots/.

A test in which the page did not answer in time is run once more, on a new page, and listed as RERUN at the end: without
a graphics card, on a busy machine, a browser is now and then too slow. An assertion that fails is not tried again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hires_pack.dev.fixtures import library
from hires_pack.dev.fixtures.stand_ins import stand_ins
from hires_pack.dev.host import browser as browsers
from hires_pack.dev.host import frontends
from hires_pack.dev.host.comfyui_host import ComfyUIHost
from hires_pack.dev.host.steps import PreparationError
from PIL import Image
from playwright.sync_api import Browser, Locator, TimeoutError, sync_playwright

from .editor import Editor
from .evidence import evidence
from .reading import WINDOWS
from .shipped import ROOT

SCREENSHOTS = ROOT / "output" / "screenshots"

BUNDLED = "bundled"
"""The frontend that the host brings."""

ASKED = os.environ.get("HIRES_FIX_FRONTEND", BUNDLED)
"""`dev.py test --frontend` names another."""

QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
QUIET += ("--disable-component-update", "--disable-sync")

EXAMPLES = "hires-fix-cat.jpg", "hires-fix-coffee.jpg", "hires-fix-astronaut.jpg"
"""The pictures that the saved workflows ask for: small ones here, which the pack leaves alone."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs with the frontend that was asked for, and those marked `smoke` with the newest one, too."""
    if "frontend" not in metafunc.fixturenames:
        return
    versions = [ASKED]
    if ASKED == BUNDLED and any(metafunc.definition.iter_markers("smoke")):
        versions.append(frontends.NEWEST_TRIED)
    metafunc.parametrize("frontend", versions, indirect=True, scope="package")


@pytest.fixture(scope="package")
def frontend(request: pytest.FixtureRequest) -> Path | None:
    """The folder of the frontend to run, None for the one that the host brings."""
    if request.param == BUNDLED:
        return None
    try:
        return frontends.ensure(request.param)
    except PreparationError as problem:
        pytest.fail(str(problem), pytrace=False)


@pytest.fixture(scope="package")
def host(frontend: Path | None) -> Iterator[ComfyUIHost]:
    """The running server, with the pack and every generated model."""
    files = library.ensure()
    models = {"checkpoints": files.checkpoints, "upscale_models": files.upscale_models}
    arguments = [] if frontend is None else ["--front-end-root", str(frontend)]
    server = ComfyUIHost(models=models, arguments=arguments, env={"OMP_NUM_THREADS": "1"})
    (server.base / "input").mkdir()
    for name in EXAMPLES:
        Image.linear_gradient("L").resize((66, 50)).convert("RGB").save(server.base / "input" / name)
    with server, stand_ins(server.base / "models", files):
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    found = browsers.find()
    if found is None:
        pytest.fail(browsers.MISSING, pytrace=False)
    with sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield program
        program.close()


class Pages:
    """The page that the tests share. One that a test failed on is thrown away."""

    def __init__(self, browser: Browser, host: ComfyUIHost, version: str | None) -> None:
        self.browser = browser
        self.host = host
        self.version = version
        """Of the frontend, if it is another than the host's own."""
        self._editor: Editor | None = None

    def editor(self) -> Editor:
        """The shared page, opened if there is none."""
        if self._editor is None:
            # reduced motion: without a graphics card a dialog that fades in costs more than all it shows. It is the
            # one wish that this user's system has; the editor's settings are its defaults
            width, height = WINDOWS["full-hd"]
            context = self.browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
            self._editor = Editor(context.new_page(), self.host.url, SCREENSHOTS / (self.version or ""))
            self._editor.open()
            assert self.version in (None, self._editor.version), "the server gives another frontend than asked for"
        return self._editor

    def close(self) -> None:
        """Throw the page away; the next test gets a new one."""
        editor, self._editor = self._editor, None
        if editor is not None:
            editor.page.context.close()

    def fail(self, test: str) -> list[tuple[str, str]]:
        """Throw the page away and stop what it has started; returns what is to be seen of it."""
        if self._editor is None:
            return []
        found = evidence(self._editor, self.host, test)
        self._editor.runs.clear_queue()
        self.close()
        return found


_pages = pytest.StashKey[Pages]()


@pytest.fixture(scope="package")
def pages(browser: Browser, host: ComfyUIHost, frontend: Path | None) -> Iterator[Pages]:
    """The shared page, opened on first use."""
    pages = Pages(browser, host, frontend and frontend.name)
    folder = SCREENSHOTS / (pages.version or "")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("failed-*.png"):
        old.unlink()
    yield pages
    pages.close()


@pytest.fixture
def ui(pages: Pages, host: ComfyUIHost, request: pytest.FixtureRequest) -> Iterator[Editor]:
    """The editor with an empty canvas."""
    assert host.alive, f"the server has died; the end of its log:\n{host.log_tail()}"
    request.node.stash[_pages] = pages
    editor = pages.editor()
    editor.uncaught.clear()
    editor.complaints.clear()
    editor.blank()
    yield editor
    assert not editor.uncaught, f"errors in the page that no one caught: {editor.uncaught}"


@pytest.fixture
def nodes_2(ui: Editor) -> Editor:
    """The editor with nodes that are part of the page, "Nodes 2.0", instead of drawn ones."""
    ui.setting("Comfy.VueNodes.Enabled", True)
    return ui


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; pytest hands over those of all folders."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=TimeoutError))


@pytest.fixture
def toasts(ui: Editor) -> Iterator[Locator]:
    """The messages in the corner; none are left over."""
    ui.dismiss_toasts()
    yield ui.toasts
    ui.dismiss_toasts()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Add what can be seen to a failure."""
    report = yield
    if report.failed and _pages in item.stash:
        report.sections += item.stash[_pages].fail(item.name)
    return report
