"""Pictures as numbers: what an IMAGE has to be, and A1111's 8 bits.

Offers `checks` and `resample`. May import errors.
"""
