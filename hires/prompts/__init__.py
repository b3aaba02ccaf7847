"""A1111's prompts as text: editing, emphasis, AND, chunks of 75 tokens, names of embeddings.

Offers the parts that `host.prompts` encodes, and counts steps for prompt editing (`passes.pass_steps`).
May import `hires.amounts` and `hires.sampling.menus`; nothing of a host.
"""
