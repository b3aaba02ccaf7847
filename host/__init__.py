"""The only code of the pack that touches ComfyUI's internals."""
