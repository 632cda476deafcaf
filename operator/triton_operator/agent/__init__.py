"""The agent of a fleet, in a member: it applies what the hub asks for, and tells what became of it.

A process of its own, so that nothing here can stop the operator from scaling.
"""
