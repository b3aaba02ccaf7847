"""What the parts of a picture are asked for in a redraw: how strongly, by which words, or not at all.

Offers the plan (`plan`), its text (`text`), which tiles are flat (`flat`) and a picture of it (`drawing`).
May import `images`, `tiles` and errors.
"""
