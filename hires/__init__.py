"""What needs no host: the arithmetic and the rules of hires fix, a folder for each subject.

Sizes, sampling, prompts, infotext, the graph, plans, tiles; the host's side of a subject has the same name in `host`.
Imports nothing else of the pack.
"""
