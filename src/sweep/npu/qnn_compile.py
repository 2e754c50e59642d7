"""Compile a QDQ model for Qualcomm's HTP, and write which nodes it took. A script of its own, it imports nothing of us.

`qnn_compile.py MODEL CONTEXT PLACEMENT OPTIONS`: the QDQ model, the EP-context model to write, the JSON file for the
placement of every node, and the options of the QNN execution provider as JSON. It prints what ONNX Runtime says, and
ends with the reason as its last line where the model cannot be compiled.
"""

import json
import sys
from pathlib import Path

import onnxruntime
import onnxruntime_qnn

WARNINGS = 2  # ONNX Runtime's severity: a backend that cannot be created is an error in its log, not an exception


def compile_model(model: str, context: str, options: dict[str, str]) -> list[dict[str, str]]:
    """Build the EP context and return where each node of the graph that ONNX Runtime partitioned was placed."""
    onnxruntime.register_execution_provider_library(onnxruntime_qnn.EP_NAME, onnxruntime_qnn.get_library_path())
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == onnxruntime_qnn.EP_NAME]
    if not devices:
        sys.exit("The QNN execution provider offers no device on this machine.")
    session_options = onnxruntime.SessionOptions()
    session_options.log_severity_level = WARNINGS
    for key, value in {
        "ep.context_enable": "1",
        "ep.context_file_path": context,
        "ep.context_embed_mode": "0",
        "session.record_ep_graph_assignment_info": "1",
    }.items():
        session_options.add_session_config_entry(key, value)
    backend = {"backend_path": onnxruntime_qnn.get_qnn_htp_path()}
    session_options.add_provider_for_devices(devices[:1], backend | options)
    session = onnxruntime.InferenceSession(model, sess_options=session_options)
    return [
        {"provider": part.ep_name, "operator": node.op_type, "name": node.name}
        for part in session.get_provider_graph_assignment_info()
        for node in part.get_nodes()
    ]


def main() -> None:
    """Read the command line, compile, and write the placement."""
    model, context, placement, options = sys.argv[1:]
    try:
        nodes = compile_model(model, context, json.loads(options))
    except Exception as error:  # whatever the library raises, its text is the reason, in one line
        sys.exit(" ".join(str(error).split()))
    content = {
        "onnxruntime": onnxruntime.__version__,
        "onnxruntime_qnn": onnxruntime_qnn.__version__,
        "qnn": onnxruntime_qnn.build_and_package_info.qnn_version,
        "nodes": nodes,
    }
    Path(placement).write_text(json.dumps(content, indent=1), "utf-8")


if __name__ == "__main__":
    main()
