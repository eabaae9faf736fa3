"""Programs that run inside pods, with what the image has: the standard library, MLflow and its drivers."""
