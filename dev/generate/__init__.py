"""What is generated: definitions of the nodes, help pages, locale, the README's tables, workflows, drawings.

`cli.run_generate` puts the parts together; each part returns the text of its files by their paths. Imports the nodes'
list, `recipes`, `hires`, `demo`, `host`, `parity` (for what is refused).
"""
