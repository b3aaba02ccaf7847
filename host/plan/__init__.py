"""The badges of the editor: what this host knows of files and memory before a run.

Offers `plan.answer`, the route that the editor asks.
May import `hires`, `upscale_models`, `pictures`, and of `host` its folders, upscaling and memory.
"""
