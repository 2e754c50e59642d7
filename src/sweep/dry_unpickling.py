"""What a checkpoint would import and call when it is opened, found out by unpickling it with stand-ins.

A pickle is a program: it names classes and functions, and calls them. Here the real machine runs it, but every name
gives an inert stand-in, and a name, or a way to use one, that a stock detector does not need ends it. Neither torch nor
anything of the file is imported.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import IO, Any, NoReturn

from sweep.stock_classes import is_defined

CLASS_PACKAGES = ("torch.nn.modules", "ultralytics.nn.modules")
CLASS_MODULES = ("ultralytics.utils.loss", "ultralytics.utils.tal")  # an interrupted training leaves its loss behind
MODELS = "ultralytics.nn.tasks"
RENAMED = {  # classes that old versions had, and that Ultralytics opens as others
    "ultralytics.nn.modules.block.Silence",
    "ultralytics.nn.tasks.YOLOv10DetectionModel",
    "ultralytics.utils.loss.v10DetectLoss",
}
DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
STORAGES = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
VALUES = {*(f"torch.{name}" for name in DTYPES), *(f"torch.{name}Storage" for name in STORAGES)}
FUNCTIONS = {  # what is called with arguments of the file: they build values, and call nothing that they are given
    "_codecs.encode",
    "numpy.dtype",
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    *(f"pathlib.{name}" for name in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
    *(f"pathlib._local.{name}" for name in ("PosixPath", "WindowsPath")),
    "torch.Size",
    "torch.device",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "ultralytics.utils.IterableSimpleNamespace",
    "ultralytics.yolo.utils.IterableSimpleNamespace",
}
CONTAINERS: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    **{f"{module}.{kind.__name__}": kind for module in ("builtins", "__builtin__") for kind in (set, frozenset)},
}


class Refused(Exception):
    """A pickle that names, or does, what a stock detector does not need; the message is a clause that says what."""


class Broken(Exception):
    """Bytes that are no complete pickle."""


def unpickle_dry(stream: IO[bytes]) -> None:
    """Run one pickle with stand-ins, from where the stream is to the end of the pickle.

    Raises:
        Refused: It names a class or function that is not allowed, or calls one that may only be rebuilt.
        Broken: It is damaged.
    """
    try:
        _DryUnpickler(stream).load()
    except Refused:
        raise
    except Exception as error:  # whatever damaged bytes make of the machine
        raise Broken(type(error).__name__) from error


class _DryUnpickler(pickle._Unpickler):  # in Python: the one in C takes memory by numbers that a damaged file holds
    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name. Raises Refused where it is not allowed."""
        full = f"{module}.{name}"
        if full in CONTAINERS:
            return CONTAINERS[full]
        if full in FUNCTIONS:
            return _Function()
        if full in VALUES:
            return _Value()
        if _is_rebuilt(module, name):
            return _RebuiltMeta(full, (_Rebuilt,), {})
        raise Refused(f"it names {full}, which no stock detector needs")

    def persistent_load(self, pid: Any) -> Any:
        """The stand-in for a tensor's numbers, which lie outside the pickle; in the old format also that of a class."""
        match pid:
            case ("storage", *_):
                return _Value()
            case ("module", _RebuiltMeta() as kind, *_):
                return kind
        raise Refused("it holds a persistent object that is no storage")


def _is_rebuilt(module: str, name: str) -> bool:
    """Whether objects of a class may be made anew from their attributes: layers, models and losses as they come."""
    if f"{module}.{name}" in RENAMED:
        return True
    package, _, rest = module.rpartition(".")
    if module == MODELS:
        return name.endswith("Model") and is_defined(module, name)
    if module in CLASS_PACKAGES + CLASS_MODULES or (package in CLASS_PACKAGES and rest.isidentifier()):
        return is_defined(module, name)
    return False


class _Value:
    """A value without meaning, also as a key."""

    def __setstate__(self, state: object) -> None:
        """Take what the pickle says of it, and forget it."""


class _Function:
    """A function that gives a value without meaning."""

    def __call__(self, *_: object) -> _Value:
        return _Value()


class _RebuiltMeta(type):
    """Classes whose objects are made without calling their constructor, as `pickle` does for them.

    The constructor of a model takes a model YAML, whose text Ultralytics evaluates, so calling one is refused.
    """

    def __call__(cls, *_: object, **__: object) -> NoReturn:
        raise Refused(f"it calls {cls.__name__}, which a detector only rebuilds")

    def __setattr__(cls, name: str, value: object) -> NoReturn:
        raise Refused(f"it sets {name} of the class {cls.__name__}")


class _Rebuilt(_Value, metaclass=_RebuiltMeta):
    """An object of such a class."""

    def __new__(cls, *arguments: object) -> _Rebuilt:
        if arguments:
            raise Refused(f"it calls {cls.__name__}, which a detector only rebuilds")
        return super().__new__(cls)
