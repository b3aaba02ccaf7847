"""What a run will do, shown before it: each operation's plan, and the badges in the editor that print it.

Offers a plan for every operation, which the host's run carries out, and `graph.plan`, which reads a whole graph.
May import the other folders of `hires`; a rule for a node's badge stands in the file of its operation.
"""
