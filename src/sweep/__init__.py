"""npu-sweep: train, track and compare YOLO detectors over architecture levels and activations for NPUs."""

__version__ = "0.1.0"
