"""Generators of the tiny models that tests run on. `library.ensure` writes what is missing and lists it."""
