"""Generation texts of the graph that runs: what to save with its pictures, with the hashes of its model files.

`texts` is for the nodes that save or show one, `model_hashes` for whoever needs a file's hash.
May import `hires`, `pictures` and the host.
"""
