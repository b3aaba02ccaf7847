"""What A1111's API answers besides pictures: model files, settings, texts of pictures, memory.

`answers` is what the routes call, `controlnet` the lists of that extension; `model_lists` and `embeddings` name files
as A1111 does. Imports `sdapi` and the rooms of `host` besides the one above.
"""
