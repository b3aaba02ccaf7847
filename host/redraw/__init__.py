"""Picture files redrawn window by window by a diffusion model, as large as the disk takes.

Offers `request` (what is asked, checked before any work), `window` (one window: encoded, noised, sampled, decoded) and
`file_work` (a whole file: `FileWork`). May import comfy, `hires`, `pictures` and the rooms of `host` beside it.
"""
