"""Files that try to run a command when they are opened, which writes a canary: a file that must never be there."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

YAML_TAGS = (
    "!!python/object/apply:os.system ['{command}']",
    "!!python/object/new:os.system ['{command}']",
    "!!python/name:os.system",
    "!!python/module:os",
)


def pickles(command: str) -> Iterator[tuple[str, bytes]]:
    """Pickles that run a shell command, each by another way of the pickle machine, with what it is called."""
    text = command.encode()
    short = b"U" + bytes([len(text)]) + text
    yield "reduce", pickle.dumps({"model": _Call(os.system, (command,)), "what": "DetectionModel"}, protocol=2)
    yield "stack_global", pickle.dumps({"model": _Call(os.system, (command,))}, protocol=4)
    memo = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x940" + b"0h\x00h\x01\x93"  # both names come out of the memo
    yield "memo", memo + short + b"\x85R."
    yield "inst", b"\x80\x02(" + short + b"ios\nsystem\n."
    yield "obj", b"\x80\x02(cos\nsystem\n" + short + b"o."
    python = f"__import__('os').system({command!r})".encode()
    yield "eval", b"\x80\x02cbuiltins\neval\nX" + len(python).to_bytes(4, "little") + python + b"\x85R."
    yield "getattr", b"\x80\x02cbuiltins\ngetattr\ncos\n__dict__\nU\x03get\x86RU\x06system\x85R" + short + b"\x85R."
    yield "dotted", b"\x80\x04\x8c\x07pathlib\x8c\x09os.system\x93" + short + b"\x85R."
    yield "nested", pickle.dumps(_Call(pickle.loads, (pickle.dumps(_Call(os.system, (command,))),)), protocol=2)
    build = b"\x80\x02ctypes\nSimpleNamespace\n)R}U\x0c__setstate__cos\nsystem\nsb"  # the next BUILD calls it
    yield "build", build + short + b"b."


def calls_of_a_model(command: str) -> Iterator[tuple[str, bytes]]:
    """Pickles that name nothing but stock classes, and call one whose constructor evaluates what it is given."""
    python = f"__import__('os').system({command!r})"
    layers = [[-1, 1, "Conv", [8, 3, 2]]]
    yaml = {"nc": 1, "activation": python, "backbone": layers, "head": [[[-1], 1, "Detect", ["nc"]]]}
    content = pickle.dumps(yaml, protocol=2)[2:-1]
    model = b"\x80\x02cultralytics.nn.tasks\nDetectionModel\n"
    yield "reduce of a model", model + content + b"\x85R."
    yield "new object of a model", model + content + b"\x85\x81."
    yield "object of a model", b"\x80\x02(" + model[2:] + content + b"o."
    yield "class of a model changed", model + b"N}U\x07forwardcultralytics.nn.modules.conv\nConv\ns\x86b."


class _Call:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, arguments: tuple[Any, ...]) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def write_zip(path: Path, *pickled: bytes) -> Path:
    """A checkpoint in PyTorch's zip format, whose description is the pickle; of several, entries of the same name."""
    import warnings

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the same name
        for one in pickled:
            archive.writestr("best/data.pkl", one)
        archive.writestr("best/version", b"3\n")
        archive.writestr("best/byteorder", b"little")
    path.write_bytes(content.getvalue())
    return path


def write_old(path: Path, pickled: bytes) -> Path:
    """A checkpoint in PyTorch's old format, a row of pickles, of which the fourth is the content."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}})
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in head) + pickled + pickle.dumps([], protocol=2))
    return path


def write_detector(path: Path, nc: int = 2) -> Path:
    """A real checkpoint of a small detector with random weights, as Ultralytics writes it."""
    import torch
    from ultralytics.nn.tasks import DetectionModel

    layers = [[-1, 1, "Conv", [16, 3, 2]], [-1, 1, "Conv", [32, 3, 2]], [-1, 1, "Conv", [64, 3, 2]]]
    yaml = {"nc": nc, "activation": "nn.ReLU()", "backbone": layers, "head": [[[-1], 1, "Detect", ["nc"]]]}
    torch.manual_seed(0)
    model = DetectionModel(yaml, verbose=False)
    torch.save({"model": model.half(), "epoch": -1, "train_args": {"imgsz": 32}, "version": "8.4"}, path)
    return path
