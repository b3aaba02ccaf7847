"""Work on whole folders of picture files: upscaling, redrawing.

Offers `job.work_on_folder`, which takes one file after another, what it may do to them (`work`; `picture_job`
upscales), and `access`: where a workflow may read and write.
May import `hires`, `upscale_models`, `pictures`, and of `host` its upscaling, memory and progress.
"""
