"""A sweep every night: when, one at a time, how long, and what starts it."""
