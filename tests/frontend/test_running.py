"""While it runs and when it fails: progress, preview, cancel, and errors that say what to do."""

import pytest
from hires_pack.dev.fixtures.upscalers import TRUNCATED

from .completing import complete
from .shipped import workflow_file
from .smaller import make_small

LATENT = workflow_file("hires-fix-latent")
STANDALONE = workflow_file("standalone-upscale")

PREVIEW_FITS = """(id) => {
    const node = window.app.graph.getNodeById(id)
    const shown = node.widgets.filter(({ name }) => name.startsWith('$$'))
    return shown.every((widget) => widget.y + widget.computedHeight <= node.size[1])
}"""
"""Whether the picture and the line of text lie inside their node."""

REMAINING = """(id) => window.app.graph.getNodeById(id).widgets
    .find(({ name }) => name === '$$node-text-preview')?.value ?? ''"""

SAY = """([node, text]) => window.app.api.addEventListener('execution_cached', () =>
    window.app.api.dispatchCustomEvent('progress_text', { nodeId: node, text }), { once: true })"""
"""What the server does at the end of a job of some seconds."""

OTHER_PAGE = """() => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws?clientId=other-page`)
    socket.binaryType = 'arraybuffer'
    window.heardElsewhere = []
    window.stopHearing = () => { socket.close(); return window.heardElsewhere }
    socket.onmessage = ({ data }) => window.heardElsewhere.push(
        typeof data === 'string' ? JSON.parse(data).type : new DataView(data).getUint32(0))
    return new Promise((done) => { socket.onopen = done })
}"""
"""Hears what the server tells another page: a name, or the number of a kind of binary message."""

LINE_OF_TEXT = 3


def opened(ui, path, seed):
    ui.canvas.drop_file(path)
    ui.canvas.wait_for_nodes()
    make_small(ui, seed)


@pytest.mark.smoke
def test_progress_preview_and_remaining_time_are_seen_and_cancel_stops_the_run(ui):
    opened(ui, LATENT, seed=3000)
    sampling = ui.canvas.only("HiresFixBaseSampling")
    ui.canvas.set_widgets({sampling: {"steps": 5000}})
    ui.page.evaluate(OTHER_PAGE)
    ui.runs.start()
    ui.page.wait_for_function(
        """(id) => {
            const node = window.app.graph.getNodeById(id)
            const shown = node.widgets.filter(({ name, computedHeight }) => name.startsWith('$$') && computedHeight > 0)
            const line = shown.find(({ name }) => name === '$$node-text-preview')?.value
            const picture = node.imgs?.[0]?.naturalWidth > 0
            return shown.length === 2 && / left$/.test(line) && node.progress > 0 && node.progress < 1 && picture
        }""",
        arg=sampling,
    )
    ui.screenshot("running")
    assert ui.page.evaluate(PREVIEW_FITS, sampling), "what is shown hides what is below its node"
    ui.runs.cancel()
    outcome = ui.runs.wait()
    assert outcome.status == "interrupted"
    reports = outcome.progress(sampling)
    assert reports == sorted(reports)
    assert reports[-1][1] == 5000
    assert 0 < reports[-1][0] < 5000
    assert not ui.runs.error_card.is_visible(), "a cancelled run is no error"
    assert ui.page.evaluate(REMAINING, sampling) == "", "no time is left of a run that has ended"
    heard = ui.page.evaluate("() => window.stopHearing()")
    assert "status" in heard
    assert LINE_OF_TEXT not in heard, "another page may have any node of that id"

    make_small(ui, seed=3001)
    ui.runs.run().require_success()


@pytest.mark.smoke
def test_a_line_that_still_is_true_stays_when_the_run_is_over(ui):
    opened(ui, STANDALONE, seed=0)
    node = ui.canvas.only("HiresFixUpscaleImage")
    ui.page.evaluate(SAY, [node, "done in 21 s"])
    ui.runs.run().require_success()
    ui.page.wait_for_function(f"(id) => ({REMAINING})(id) === 'done in 21 s'", arg=node)


def test_every_step_of_both_passes_is_reported(ui):
    opened(ui, LATENT, seed=3002)
    passes = [ui.canvas.only("HiresFixBaseSampling"), ui.canvas.only("HiresFixSecondSampling")]
    outcome = ui.runs.run().require_success()
    for node in passes:
        assert outcome.progress(node)[-1] == (2, 2)
        assert node in outcome.previewed


def test_a_box_of_nodes_2_shows_the_previews_of_both_passes(ui):
    ui.setting("Comfy.VueNodes.Enabled", True)
    box = ui.adding.search_add("hires fix", "Hires Fix (pixel)", badge="Blueprint")
    complete(ui, box)
    make_small(ui, seed=3003)
    ui.runs.run().require_success()
    ui.page.locator(f"[data-node-id='{box}'] img").nth(1).wait_for()


@pytest.mark.smoke
def test_an_error_of_a_node_reaches_the_card_and_the_panel_with_its_remedy(ui):
    opened(ui, STANDALONE, seed=0)
    loader = ui.canvas.only("HiresFixUpscalerLoader")
    ui.canvas.set_widgets({loader: {"upscaler_name": TRUNCATED}})
    outcome = ui.runs.run()
    assert outcome.status == "error"
    ui.runs.error_card.wait_for()
    ui.screenshot("error-card")
    assert "Load Upscaler" in ui.runs.error_card.inner_text()
    panel = ui.runs.error_panel()
    # at first it holds the traceback alone
    panel.filter(has_text="Load Upscaler, input 'upscaler_name': ").wait_for()
    ui.screenshot("error-panel")
    text = panel.inner_text()
    assert f"'{TRUNCATED}' cannot be used as an upscaler" in text
    assert "download the file again" in text

    ui.runs.dismiss_error()
    ui.canvas.set_widgets({loader: {"upscaler_name": "Lanczos"}})
    ui.runs.run().require_success()


def test_a_missing_link_is_named_before_anything_runs(ui):
    opened(ui, STANDALONE, seed=0)
    upscale = ui.canvas.only("HiresFixUpscaleImage")
    ui.canvas.unlink(upscale, "upscaler")
    outcome = ui.runs.run()
    assert outcome.status == "rejected"
    text = ui.runs.error_card.inner_text()
    assert "Upscale Image (Extras)" in text
    assert "upscaler" in text
