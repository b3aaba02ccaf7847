"""Graphs of ComfyUI, host-free: node definitions, one reader of the API format, one builder, and the files it becomes.

`reader` reads a prompt, `builder` makes a graph, `stages` has its usual parts; the
`to_*` modules write it.
`same` tells what the fields of a second pass stand for.
May import `hires.sampling` where that needs no torch.
"""
