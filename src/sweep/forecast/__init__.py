"""What a sweep will take: time by the history of like cells in MLflow, disk, and cost."""
