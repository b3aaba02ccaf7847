"""What `dev.py demo` runs on: a small checkpoint made here and a photograph."""
