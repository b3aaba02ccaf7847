"""The only code of the pack that touches ComfyUI's internals, a room for each subject as in `hires`.

Nodes call into it with what ComfyUI hands them. Imports every room but `nodes`, and ComfyUI's modules.
"""
