"""Training and validation with Ultralytics, kept inside home and reproducible to the bit on the CPU."""
