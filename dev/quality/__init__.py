"""What the shipped weights are worth, on photographs and prompts that they did not learn from: `dev.py quality`.

A half each for the upscalers and for hires fix. Imports `upscale_models`, `training`, `demo`, `fixtures`, `benchmarks`,
`host`.
"""
