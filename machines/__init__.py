"""Pictures worked on wherever there is a device: by this process, by others of this machine, by other machines.

Offers `FileUpscale` (one picture file, upscaled with any runtime), `jobs` (the same as plain data), the forms of `Pool`
(threads, one for each graphics card; Dask, an optional package) and `handing_out`, which keeps a pool busy and its
results in order.
May import `hires`, `upscale_models` and `pictures`, and Dask where it is asked for. Nothing here needs ComfyUI: a
worker is this pack and the packages that ComfyUI brings, see worker.py. Only `comfyui` loads one, in a worker that was
given its folder and is asked for what needs it.
"""
