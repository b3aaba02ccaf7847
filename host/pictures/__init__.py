"""Pictures from ComfyUI's input folder and into its output folder, for Load Image and Save Image.

What a file says travels as `FileFacts` past the nodes that know only pixels. May import `hires`, `pictures`, `host`.
"""
