"""How many replicas a service needs: pure decisions from what was measured, with their reasons."""
