"""What can be said of a checkpoint file at once, without torch: whether it can be opened, and starts a detector.

A checkpoint is a pickle, and opening one runs what it names. So it is looked at first: it may name what a detector of
stock Ultralytics consists of, and nothing else, unless the user trusts the file.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from sweep.dry_unpickling import Broken, Refused, unpickle_dry
from sweep.errors import SweepError, in_one_line

ZIP = b"PK\x03\x04"  # what PyTorch takes for its zip format by; everything else is read as a plain pickle
PICKLE = b"\x80"  # the first byte of a checkpoint in PyTorch's old format
OLD_PICKLES = 4  # a magic number, the version, the machine, the content
MOST_PICKLE_BYTES = 64 * 2**20
"""The largest description of a network that is read; the one of yolo11x takes 0.4 MB. Weights lie outside it."""
DETECTION = "DetectionModel"
OTHER_MODELS = {  # of ultralytics.nn.tasks
    "SegmentationModel": "a segmentation model",
    "ClassificationModel": "a classification model",
    "PoseModel": "a pose model",
    "OBBModel": "a model for rotated boxes",
    "WorldModel": "an open-vocabulary model",
}


def weights_problem(path: Path, *, trust: bool = False) -> str | None:
    """Why a file cannot be the initial weights of a detector, as a sentence; None where nothing speaks against it.

    Args:
        path: The file.
        trust: Whether it may name anything.
    """
    what = f"The initial weights {path}"
    try:
        content = _description(path)
        if content is not None and DETECTION.encode() not in content:
            held = _other_model(content) or "no Ultralytics detector"
            return f"{what} hold {held}. Give those of a detector, such as yolo11n.pt."
        if not trust:
            _look_for_danger(path, content)
    except Refused as refused:
        return _danger(what, refused)
    except Broken as broken:
        return f"{what} are {broken}"
    return None


def check_checkpoint(path: Path, *, trust: bool = False) -> None:
    """Refuse a checkpoint that could run code when it is opened, or that is damaged.

    Args:
        path: The file.
        trust: Whether it may name anything: then nothing is looked at.

    Raises:
        SweepError: It names what a stock detector does not need, or is no checkpoint.
    """
    if trust:
        return
    content = None
    try:
        content = _description(path)
        _look_for_danger(path, content)
    except Refused as refused:
        held = None if content is None or DETECTION.encode() in content else _other_model(content)
        raise SweepError(
            _danger(f"The checkpoint {path}", refused)
            if held is None
            else f"{path} holds no detection model (Detect), but {held}. Give that of a detector, such as yolo11n.pt."
        ) from None
    except Broken as broken:
        raise SweepError(f"{path} cannot be read as an Ultralytics checkpoint: it is {broken}") from broken


def _other_model(content: bytes) -> str | None:
    """What kind of model is named instead of a detector."""
    return next((kind for name, kind in OTHER_MODELS.items() if name.encode() in content), None)


def _danger(what: str, refused: Refused) -> str:
    return (
        f"{what} could run code when opened: {refused}. "
        "If you trust the file, allow it: model.trust=true for a sweep, --trust for a verb."
    )


def _description(path: Path) -> bytes | None:
    """The pickle inside PyTorch's zip format; None for its old format, a plain pickle.

    Raises:
        Broken: It is neither, or damaged; the message is the rest of a sentence.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(len(ZIP))
        if start[:1] == PICKLE:
            return None
        if start != ZIP or not zipfile.is_zipfile(path):
            raise Broken("no PyTorch checkpoint, or an incomplete one. Copy the file again.")
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            found = [entry for entry in entries if entry.filename.lower().endswith("data.pkl")]
            if len(found) != 1 or len({entry.filename.lower() for entry in entries}) != len(entries):
                raise Broken("a zip archive, but no PyTorch checkpoint.")
            if found[0].file_size > MOST_PICKLE_BYTES:
                raise Broken(f"described in {found[0].file_size / 2**20:.0f} MB, and no detector needs that much.")
            return archive.read(found[0])
    except Broken:
        raise
    except Exception as error:  # zipfile has many: BadZipFile, zlib.error, NotImplementedError, struct.error …
        raise Broken(f"a damaged file ({in_one_line(error)}). Copy it again.") from error


def _look_for_danger(path: Path, content: bytes | None) -> None:
    """Unpickle with stand-ins what PyTorch would unpickle.

    Raises:
        Refused: It names what a stock detector does not need, or is in the old format, which Ultralytics opens in no
            restricted way.
        Broken: It is damaged; the message is the rest of a sentence.
    """
    try:
        if content is not None:
            unpickle_dry(io.BytesIO(content))
            return
        with path.open("rb") as stream:
            for _ in range(OLD_PICKLES):
                unpickle_dry(stream)
    except Broken as error:
        raise Broken(f"damaged ({error}). Copy the file again.") from error
    raise Refused("PyTorch's old format can be opened only by running what a file names; save it again with torch.save")
