"""What the editor's part of the pack asks the server for: a workflow from a text, the graphs in a picture, a plan.

`routes.register` adds the routes.
May import all of `hires`, `pictures`, `host` and the host's server.
"""
