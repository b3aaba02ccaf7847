"""A1111's HTTP API on the host: routes, lists of models, jobs on its queue. Imports `sdapi` and the rooms below."""
