"""Converted copies in a store: put there once they are compared, taken from there by pods."""
