"""What an NPU would do with a trained model: graph statistics, target profiles, compilers."""
