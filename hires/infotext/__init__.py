"""A1111's generation text, both ways: `text` and `read` understand one, `write` makes one of settings.

`from_graph` finds the settings in a graph that runs, `to_graph` makes them a workflow again; `json` and `loras`
know other programs.
May import `hires.sampling`, `hires.prompts` and `hires.graph`.
"""
