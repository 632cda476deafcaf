"""Measures how long a model's batches take on a Triton that runs, and how much it gets done."""
