"""The hub of a fleet: reads what members report, places services on them, and writes works."""
