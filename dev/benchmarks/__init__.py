"""Speed and memory beside ComfyUI's own nodes in one process: `dev.py bench`.

Each `bench_*` has a `run`; `machine`, `pairs` and `pictures` serve other measurements, too. Imports the whole pack,
`fixtures`, `host`.
"""
