"""The built-in traffic-sign detection set, drawn in seconds and the same on every machine."""

from sweep.data.signs.store import ensure_signs, pixels_digest

__all__ = ["ensure_signs", "pixels_digest"]
