"""Full-integer post-training quantization of an Ultralytics detector: FP32 ONNX to INT8 ONNX (QDQ)."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from sweep.npu.quantize_decode import Decode

OPSET = 21  # the first in which QuantizeLinear knows 16 bits
DATED = frozenset({"date"})  # of Ultralytics' metadata: would make two exports of one checkpoint differ
Overrides = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Quantized:
    """A quantized model.

    Attributes:
        path: the INT8 file.
        quantizer: name and version (`onnxruntime 1.32.0`).
        scheme: how it was quantized: `weights`, `activations`, `decode`, `output`, `calibration`,
            `calibration_images`, `opset`. JSON-able.
    """

    path: Path
    quantizer: str
    scheme: Mapping[str, Any]


def quantize(onnx: Path, images: np.ndarray, out: Path) -> Quantized:
    """Quantize the FP32 export of a detector, decode included, with ranges taken from pictures.

    Weights get 8 bits and a scale for each channel, activations 8 bits. The decode (the last convolutions' outputs,
    DFL, the arithmetic of boxes, the scores) gets 16 bits: 8 bits over 640 px are steps of 2.5 px (at 576 px they cost
    a third of mAP50-95). Boxes (0 to imgsz) and scores (0 to 1) have scales of their own up to the end, where
    they are joined in float: under one scale the scores would vanish. Input and output are those of the FP32 file, and
    so are Ultralytics' metadata, but for the date. The same files give the same bytes.

    Args:
        onnx: Ultralytics' export with a fixed shape, batch 1.
        images: float32 (N, 3, imgsz, imgsz), RGB from 0 to 1.
        out: The file to write.

    Raises:
        SweepError: The model's values are not numbers.
    """
    import onnxruntime

    from sweep.npu.quantize_decode import find_decode
    from sweep.npu.quantize_ranges import tensor_ranges

    with _silent():
        model = _prepared(onnx)
        decode = find_decode(model.graph)
        quantized = _with_qdq(model, decode, tensor_ranges(model, images))
    quantized.producer_name, quantized.producer_version = "onnxruntime.quantization", onnxruntime.__version__
    _write(quantized, out)
    return Quantized(
        path=out,
        quantizer=f"onnxruntime {onnxruntime.__version__}",
        scheme={
            "weights": "int8 per channel, symmetric",
            "activations": "uint8 per tensor",
            "decode": "uint16 per tensor" if decode.fine else "float32",
            "output": "float32",
            "calibration": "smallest and largest value",
            "calibration_images": len(images),
            "opset": next(entry.version for entry in quantized.opset_import if entry.domain in {"", "ai.onnx"}),
        },
    )


def _prepared(path: Path) -> Any:
    """The model in an opset that knows 16 bits, its tensors' types inferred, every node with a name of its own."""
    import onnx
    from onnx import version_converter

    model = onnx.load(str(path))
    if next(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}) < OPSET:
        model = version_converter.convert_version(model, OPSET)
        model.ir_version = max(model.ir_version, onnx.helper.find_min_ir_version_for(model.opset_import))
    names: set[str] = set()
    for index, node in enumerate(model.graph.node):
        if not node.name or node.name in names:
            node.name = f"{node.op_type}_{index}"
        names.add(node.name)
    return onnx.shape_inference.infer_shapes(model)


def _with_qdq(model: Any, decode: Decode, ranges: Mapping[str, tuple[np.float32, np.float32]]) -> Any:
    """The model with QuantizeLinear and DequantizeLinear around what is quantized.

    onnxruntime's quantizer is called without its `quantize_static`, which writes to the system's temporary folder. Its
    QNN preset adds the conversions between 8 and 16 bits, and the scales that Qualcomm's HTP requires.
    """
    from onnx.helper import set_model_props
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.execution_providers.qnn import get_qnn_qdq_config
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import add_infer_metadata

    config = get_qnn_qdq_config(
        model,
        None,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        init_overrides=_overrides(decode),
        nodes_to_exclude=list(decode.joined),
    )
    properties = {entry.key: entry.value for entry in model.metadata_props if entry.key not in DATED}
    add_infer_metadata(model)  # or the quantizer infers them again, through files
    quantizer = QDQQuantizer(
        model,
        config.per_channel,
        config.reduce_range,
        config.weight_type,
        config.activation_type,
        TensorsData(
            CalibrationMethod.MinMax,
            {name: TensorData(lowest=low, highest=high) for name, (low, high) in ranges.items()},
        ),
        [],
        config.nodes_to_exclude,
        config.op_types_to_quantize,
        config.extra_options,
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized = quantizer.model.model
    set_model_props(quantized, properties)
    return quantized


def _overrides(decode: Decode) -> Overrides:
    """What differs from the default for single tensors: 16 bits in the decode, and DFL's bins, which are exact."""
    import numpy as np
    from onnxruntime.quantization import QuantType

    fine: Overrides = {name: [{"quant_type": QuantType.QUInt16}] for name in [*decode.fine, *decode.constants]}
    exact = {"quant_type": QuantType.QInt8, "scale": np.array(1, np.float32), "zero_point": np.array(0, np.int8)}
    return fine | {name: [dict(exact)] for name in decode.bins}


def _write(model: Any, out: Path) -> None:
    """Write the file in one step: it is whole, or as it was before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Drop what onnxruntime's quantizer says through the root logger; without a handler there it would add one."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [logging.NullHandler()]
    try:
        yield
    finally:
        root.handlers = handlers
