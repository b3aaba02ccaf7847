"""A real ComfyUI: made or found (`environment`), started (`comfyui_host`), talked to (`comfy_client`), or its modules
in this process (`real_host`).

`environment` and what it uses import the standard library alone, the client aiohttp; none imports the pack.
"""
