"""The planner's choice against an exhaustive sweep, on a real Triton with real models."""
