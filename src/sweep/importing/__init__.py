"""Take into MLflow what plain Ultralytics has trained: a run folder becomes a finished cell."""
