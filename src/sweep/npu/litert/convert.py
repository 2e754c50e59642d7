"""The child process: checkpoint in, int8 LiteRT model out. `python -m sweep.npu.litert.convert --checkpoint best.pt …`

It changes torch, JAX and Ultralytics as it likes, because it ends with its work. What is wrong with a model is its last
line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.npu.litert.leaky import disguise_leaky_relu, restore_leaky_relu

if TYPE_CHECKING:
    import numpy as np

    from sweep.npu.litert.network import Network

PACKAGES = ("litert-torch", "ai-edge-quantizer", "ai-edge-litert", "torch", "ultralytics")
"""Distributions that decide what the converted model is."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert, quantize, and write `model_int8.tflite` and `model_int8.json` into the folder `--out`."""
    parser = argparse.ArgumentParser(prog="sweep.npu.litert.convert")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, required=True, help=".npy, float32 (N, 3, h, w), RGB 0 to 1")
    parser.add_argument("--imgsz", type=int, required=True)
    parser.add_argument("--decode", action="store_true", help="keep the decoding of the boxes in the graph")
    parser.add_argument("--out", type=Path, required=True, help="an existing folder")
    chosen = parser.parse_args(arguments)
    try:
        network = load_network(chosen.checkpoint, chosen.imgsz, chosen.decode)
        pictures = load_pictures(chosen.calibration, chosen.imgsz)
    except (TypeError, ValueError) as error:
        sys.exit(str(error))
    model = quantize(to_float(network, chosen.imgsz), pictures)
    facts = describe(model) | {
        "decode": chosen.decode,
        "imgsz": chosen.imgsz,
        "calibration_pictures": len(pictures),
        "versions": {package: version(package) for package in PACKAGES},
        "layers": network.layer_names(),
    }
    (chosen.out / "model_int8.tflite").write_bytes(model)
    (chosen.out / "model_int8.json").write_text(json.dumps(facts, indent=1), "utf-8")


def load_network(checkpoint: Path, imgsz: int, decode: bool) -> Network:
    """The checkpoint's detector, fused, in float32, ready to be converted.

    Raises:
        ValueError: There is no such checkpoint.
        TypeError: It is no detector.
    """
    from ultralytics.nn.tasks import load_checkpoint

    from sweep.npu.litert.network import Network

    if not checkpoint.is_file():
        raise ValueError(f"There is no checkpoint {checkpoint}.")
    model, _ = load_checkpoint(checkpoint)
    network = Network(model.float().fuse(verbose=False).eval(), imgsz, decode)
    network.eval()
    return network


def load_pictures(path: Path, imgsz: int) -> np.ndarray:
    """Calibration pictures as the network takes them: (N, imgsz, imgsz, 3), scaled where the file has another size.

    Raises:
        ValueError: The file holds something else than (N, 3, height, width), or no picture.
    """
    import numpy as np
    import torch

    pictures: np.ndarray = np.load(path)
    if pictures.ndim != 4 or pictures.shape[1] != 3 or not len(pictures):
        raise ValueError(f"The calibration pictures have the shape {pictures.shape}, not (N, 3, height, width).")
    if pictures.shape[2:] != (imgsz, imgsz):
        wanted = torch.nn.functional.interpolate(torch.from_numpy(pictures), (imgsz, imgsz), mode="bilinear")
        pictures = wanted.numpy()
    return pictures.transpose(0, 2, 3, 1)


def to_float(network: Network, imgsz: int) -> bytes:
    """The network as float LiteRT model."""
    import litert_torch
    import torch

    picture = torch.zeros(1, imgsz, imgsz, 3)
    with torch.no_grad():
        network(picture)  # the head computes its anchors once, and they become constants
    converted = litert_torch.convert(network, (picture,))
    return bytes(converted.model_content())


def quantize(model: bytes, pictures: np.ndarray) -> bytes:
    """The model in int8, inputs and outputs too: weights by channel, activations by the ranges seen in the pictures.

    The ranges are the extremes over all pictures. (The quantizer's own default, a moving average, depends on their
    order and cuts off what few of them show.)

    Raises:
        ValueError: Not every LEAKY_RELU came back from the quantizer.
    """
    import numpy as np
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
    from ai_edge_quantizer.recipe_manager import RecipeManager
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    static_int8 = recipe.static_wi8_ai8()
    manager = RecipeManager()
    manager.load_quantization_recipe(static_int8)
    calibrator = Calibrator(
        model, num_threads=1, mode=CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS, qsv_update_func=min_max_update
    )
    signature, picture = _signature(model)
    samples = [{picture: np.ascontiguousarray(one[None], dtype=np.float32)} for one in pictures]
    calibrator.calibrate({signature: samples}, manager)

    disguised, expected = disguise_leaky_relu(model)
    result = quantizer.Quantizer(disguised, static_int8).quantize(
        calibrator.get_model_qsvs(), enable_progress_bar=False, enable_progress_report=False
    )
    restored, found = restore_leaky_relu(bytes(result.quantized_model))
    if found != expected:
        raise ValueError(f"The quantizer returned {found} of {expected} LEAKY_RELU.")
    return restored


def describe(model: bytes) -> dict[str, Any]:
    """Operators by name, number of tensors, and shape, type, scale and zero point of inputs and outputs."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    names = {value: name for name, value in vars(BuiltinOperator).items() if isinstance(value, int)}
    parsed = Model.GetRootAs(model, 0)
    graph = parsed.Subgraphs(0)
    codes = [parsed.OperatorCodes(graph.Operators(i).OpcodeIndex()) for i in range(graph.OperatorsLength())]
    runner = Interpreter(model_content=model, num_threads=1).get_signature_runner()
    return {
        "operators": dict(Counter(names[code.BuiltinCode()] for code in codes)),
        "tensors": graph.TensorsLength(),
        "inputs": _tensors(runner.get_input_details()),
        "outputs": _tensors(runner.get_output_details()),
    }


def _tensors(details: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "shape": [int(side) for side in detail["shape"]],
            "type": detail["dtype"].__name__,
            "scale": float(detail["quantization"][0]),
            "zero_point": int(detail["quantization"][1]),
        }
        for name, detail in details.items()
    }


def _signature(model: bytes) -> tuple[str, str]:
    """The name of the model's only signature, and of its only input."""
    from ai_edge_litert.schema_py_generated import Model

    signature = Model.GetRootAs(model, 0).SignatureDefs(0)
    return signature.SignatureKey().decode(), signature.Inputs(0).Name().decode()


if __name__ == "__main__":
    main()
