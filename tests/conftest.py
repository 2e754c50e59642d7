"""Ultralytics reads these variables when it is imported: tests use settings of their own and no network."""

import os
import tempfile

os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="npu-sweep-tests-")
os.environ["YOLO_OFFLINE"] = "1"
os.environ["YOLO_AUTOINSTALL"] = "False"
