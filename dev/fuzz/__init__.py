"""Random valid prompts on a real server, and what must never come of them: `dev.py fuzz`.

`run` makes and judges them; a finding is kept as a file that `--replay` runs again. Imports `fixtures` and `host`.
"""
