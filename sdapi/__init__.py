"""A1111's HTTP API without a server: request and reply forms, errors, options, the lists that clients read.

Offers `errors` (what a refusal looks like on the wire), `options` (A1111's settings, which of them count here) and
`colours` (its colour correction).
Imports `hires`, `recipes`, `pictures`, `upscale_models` and pydantic, which ComfyUI brings; no host.
"""
