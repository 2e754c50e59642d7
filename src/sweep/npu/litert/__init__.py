"""PyTorch checkpoint to int8 LiteRT, the format that Arm's Vela compiles: in a child process, once per checkpoint."""
