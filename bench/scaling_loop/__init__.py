"""What looking at a thousand services costs: the operator's own loop against pods on loopback."""
