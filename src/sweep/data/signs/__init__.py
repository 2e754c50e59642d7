"""The built-in traffic-sign detection set, drawn in seconds and the same on every machine."""

from sweep.data.signs.store import DIGEST, ensure_signs, pixels_digest, signs_undrawn

__all__ = ["DIGEST", "ensure_signs", "pixels_digest", "signs_undrawn"]
