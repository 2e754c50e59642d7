"""Names of nodes in an exported graph, as people read them."""

from __future__ import annotations

TOKEN = "_token_"  # noqa: S105 ONNX Runtime appends `_token_<number>` to a node that its layout transformation rewrote


def layer_of(node: str) -> str:
    """The layer that a node belongs to: `model.23.cv2.0.1.act` for `/model.23/cv2.0/cv2.0.1/act/Relu`.

    The exporter names a node by the modules it is called in, each by its name or, inside a list of modules, by the
    list's name and its own number. A node without such a name keeps it as it is.
    """
    *modules, _ = node.strip("/").split("/")
    path: list[str] = []
    for module in modules:
        if path and module.startswith(f"{path[-1]}."):
            path.pop()
        path.append(module)
    return ".".join(path) or node


def original_name(node: str) -> str:
    """The name of a node before ONNX Runtime rewrote it: `/model.0/conv/Conv` for `/model.0/conv/Conv_token_17`."""
    name, token, number = node.rpartition(TOKEN)
    return name if token and number.isdigit() else node


def fallback(operator: str, node: str) -> str:
    """How a node that the NPU does not run is listed: `Reshape (model.20.dfl)`."""
    return f"{operator} ({layer_of(node)})"
