"""Data sets: the built-in traffic signs, the check of any Ultralytics detection data set, digest, view."""
