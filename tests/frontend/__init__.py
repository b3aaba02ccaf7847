"""The editor in a real browser, as a person uses it.

A package, so that its fixtures end with its last test: as long as Playwright runs, no other test could use asyncio.
"""
