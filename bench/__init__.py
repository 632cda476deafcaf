"""Benchmarks: programs that measure and print figures. None of them is a test."""
