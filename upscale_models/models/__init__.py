"""Upscalers and what is known of them: filters, networks loaded by spandrel, their reach, precision and cost.

Offers `Upscaler` and its two kinds, `Runtime` (what they ask of the host), errors. May import `hires`.
"""
