"""Base YAML -> transforms of a level -> Ultralytics model YAML; activations; building and measuring the
model.
"""
