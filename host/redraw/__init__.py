"""Picture files redrawn window by window by a diffusion model, as large as the disk takes.

Offers `request` (what is asked, checked before any work), `window` (one window: encoded, noised, sampled, decoded) and
`file_work` (a whole file: `FileWork`). Windows for workers: `elsewhere` hands them out, `fragment` and `alike` say
what a worker's ComfyUI runs before them, also of upscalers that draw, and whether it came to the same, `served` draws
them there. May import comfy, `hires`, `pictures`, `machines`, `upscale_models` and the rooms of `host` beside it.
"""
