"""Tables of a sweep, from what MLflow holds."""
