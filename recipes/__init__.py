"""The single source of every saved workflow: a typed graph builder and one function a workflow."""
