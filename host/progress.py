"""What a node shows of itself while it runs."""

from __future__ import annotations

from server import PromptServer


def show_text(text: str | None) -> None:
    """Show a line of text on the node that is being run; without a server there is nobody to see it."""
    server = getattr(PromptServer, "instance", None)
    # the host notes the node only where a page has asked for the run
    if text and server is not None and server.last_node_id is not None:
        # to that page alone: in others the same id may be any node
        server.send_progress_text(text, server.last_node_id, server.client_id)
