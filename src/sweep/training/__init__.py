"""Training and validation with Ultralytics, kept inside home and reproducible to the bit on the CPU."""

TRAINING_VERSION = 2  # raised when the same cell is trained to other weights than before: part of its key
