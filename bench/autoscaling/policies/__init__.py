"""Autoscalers that one could install today, by the rules of their sources, and a constant fleet.

Where a rule leaves room, the kinder reading is taken: metrics are exact and arrive at once.
"""
