"""Upscaling whole folders of picture files.

Offers `job.upscale_folder`, which takes one file after another, and `access`: where a workflow may read and write.
May import `hires`, `upscale_models`, `pictures`, and of `host` its upscaling, memory and progress.
"""
