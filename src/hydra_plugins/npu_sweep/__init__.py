"""Hydra plugins of npu-sweep: the grid sweeper, the local launcher, the search path."""
