"""What a person links to a lone node so that it can run: a picture, a checkpoint, somewhere to save."""

from __future__ import annotations

from .editor import Editor

SOURCES = {
    "IMAGE": "LoadImage",
    "MODEL": "CheckpointLoaderSimple",
    "CLIP": "CheckpointLoaderSimple",
    "VAE": "CheckpointLoaderSimple",
}
"""Type of an input -> node that gives it."""

_OPEN = """(id) => window.app.graph.getNodeById(id).inputs
    .filter((input) => input.link === null && !input.widget).map((input) => [input.name, input.type])"""

_CONNECT = """([source, output, target, input]) => {
    const [from, to] = [source, target].map((id) => window.app.graph.getNodeById(id))
    from.connect(from.outputs.findIndex((slot) => slot.type === output),
        to, to.inputs.findIndex((slot) => slot.name === input))
}"""


def complete(editor: Editor, node_id: str) -> None:
    """Link every input of a node that is not a widget, and save its pictures."""
    sources: dict[str, str] = {}
    for name, kind in editor.page.evaluate(_OPEN, node_id):
        source = SOURCES[kind]
        if source not in sources:
            sources[source] = editor.canvas.place(source, 50, 50 + 400 * len(sources))
        editor.page.evaluate(_CONNECT, [sources[source], kind, node_id, name])
    save = editor.canvas.place("SaveImage", 1200, 50)
    editor.page.evaluate(_CONNECT, [node_id, "IMAGE", save, "images"])
