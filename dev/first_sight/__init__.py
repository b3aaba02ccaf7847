"""What a stranger meets: the real editor with its default settings, driven with mouse and keyboard alone.

`python dev/mount.py dev.first_sight.run` opens every template, App and box, goes from each to a picture and counts what
that takes (`person`), looks the words of `searches` up, and writes pictures and tables to output/first-sight/.

Imports the tests of the editor (`tests/frontend`), `dev/host` and `dev/fixtures`, and Playwright.
"""
