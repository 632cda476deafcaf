"""Addresses of pods that a test plays: the ports are Triton's, so each run has its own network."""

import os

NETWORK = f"127.{1 + os.getpid() % 254}"
"""The first half of an address on loopback: two runs on one machine do not meet."""
