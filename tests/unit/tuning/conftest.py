"""Storages of the tests of tuning."""

from __future__ import annotations

from support.postgres import postgres, storage

__all__ = ["postgres", "storage"]
