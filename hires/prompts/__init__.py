"""A1111's prompts as text: editing, emphasis, AND, chunks of 75 tokens, names of embeddings.

Offers the parts that `host.prompts` encodes, and counts steps for prompt editing (`counting`).
May import `hires.amounts`, `hires.sampling.menus` and `hires.sampling.same`; nothing of a host.
"""
