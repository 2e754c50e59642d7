"""What is written first: a journal in each run's folder in home, which is delivered to MLflow in the background."""
