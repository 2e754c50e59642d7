"""Run a float model on pictures and keep the smallest and largest value of each of its tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.onnx_session import exact_options

if TYPE_CHECKING:
    import numpy as np

LOG_ERRORS_ONLY = 3  # onnxruntime's log_severity_level


def tensor_ranges(model: Any, images: np.ndarray) -> dict[str, tuple[np.float32, np.float32]]:
    """Minimum and maximum of every float tensor over all pictures.

    Own code in place of onnxruntime's MinMax calibrator, which gives the same ranges, because that one writes two
    copies of the model to the system's temporary folder and runs it without optimisation.

    Args:
        model: An onnx ModelProto with the types of its tensors inferred, one input of shape (1, 3, imgsz, imgsz).
        images: float32 (N, 3, imgsz, imgsz).

    Raises:
        SweepError: A tensor takes values that are no numbers, as the weights of a diverged training give.
    """
    import numpy as np
    from onnx import ModelProto, TensorProto, helper

    names = _float_tensors(model.graph)
    probed = ModelProto()
    probed.CopyFrom(model)
    del probed.graph.output[:]
    for index, name in enumerate(names):
        for kind in ("Min", "Max"):
            output = f"range/{kind}/{index}"
            probed.graph.node.append(helper.make_node(f"Reduce{kind}", [name], [output], keepdims=0))
            probed.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, []))
    session = _session(probed.SerializeToString())
    source = session.get_inputs()[0].name
    lowest = np.full(len(names), np.inf, np.float32)
    highest = np.full(len(names), -np.inf, np.float32)
    for image in images:
        seen = np.array(session.run(None, {source: image[None]}), np.float32).reshape(-1, 2)
        lowest = np.minimum(lowest, seen[:, 0])
        highest = np.maximum(highest, seen[:, 1])
    bad = [name for name, low, high in zip(names, lowest, highest, strict=True) if not np.isfinite([low, high]).all()]
    if bad:
        raise SweepError(
            f"The model cannot be quantized: {bad[0]} takes values that are not numbers. Its training has diverged; "
            "train it again with a lower recipe.lr0."
        )
    return {name: (lowest[index], highest[index]) for index, name in enumerate(names)}


def _float_tensors(graph: Any) -> list[str]:
    """Names of the float tensors that are computed or fed, in the graph's order."""
    from onnx import TensorProto

    constants = {tensor.name for tensor in graph.initializer}
    known = {info.name: info.type.tensor_type for info in [*graph.input, *graph.value_info, *graph.output]}
    used = dict.fromkeys(name for node in graph.node for name in [*node.input, *node.output])
    return [
        name for name in used if name in known and name not in constants and known[name].elem_type == TensorProto.FLOAT
    ]


def _session(model: bytes) -> Any:
    import onnxruntime

    options = exact_options()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # cores are filled by cells side by side
    options.log_severity_level = LOG_ERRORS_ONLY
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
