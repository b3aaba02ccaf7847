"""The workers that a node may use: graphics cards of this process, or what the owner has listed.

Offers `crews`: their names for the nodes, and a pool for a job.
May import `machines`, and of `host` nothing.
"""
