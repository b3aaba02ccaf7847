"""Work in tiles: models that see a canvas in windows, put together at every call; and pictures cut into tiles that are
worked on one by one, with their way through a VAE, batch by batch.

Offers `tiled_model`, `model_meetings` (where its windows meet), `pictures` and `latents`; plans of what each part is
asked for, as a MODEL (`planned`), as a prompt (`plan_prompts`) and from a node's inputs (`plan`). May import comfy,
`hires` and the rooms of `host` beside it.
"""
