"""MLflow: where results go (`write`) and where they are read from again (`read`)."""
