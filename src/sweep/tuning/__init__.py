"""One Optuna study for each cell: its space, its storage, and how workers share it. Knows no training."""
