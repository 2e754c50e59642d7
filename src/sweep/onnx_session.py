"""How ONNX files are run on the host: an INT8 file with the integers that it states, on every processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import SessionOptions


def exact_options() -> SessionOptions:
    """Session options with which products of integers don't saturate.

    On x86 without VNNI onnxruntime adds pairs of products in 16 bits by default, which an NPU doesn't: boxes were off
    by pixels, where with this option the same file was right (measured on AVX2).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options
