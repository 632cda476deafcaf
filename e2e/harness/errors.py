"""Everything the harness raises on purpose.

HarnessError
├── BinaryUnavailable   a tool is in none of the places it may come from
├── CommandFailed       a command that had to succeed did not; carries the end of its output
├── ComponentDied       a process we wait for or rely on has ended; carries the end of its log
├── WaitTimeout         a bounded wait ran out; carries what was seen last
├── NotPermitted        the step needs rights this user does not have
└── MachineInUse        something that is not ours occupies an address, port or lock we need
"""

from __future__ import annotations


class HarnessError(Exception):
    """Base of all failures a caller may show to a person as they are."""


class BinaryUnavailable(HarnessError):
    """A tool could be had from none of its sources; the message lists each and why it failed."""


class CommandFailed(HarnessError):
    """A command exited non-zero, was not found or ran out of time."""


class ComponentDied(HarnessError):
    """A started process is no longer running."""


class WaitTimeout(HarnessError):
    """A condition did not become true within its bound."""


class NotPermitted(HarnessError):
    """The current user may not do this; the message says which right is missing."""


class MachineInUse(HarnessError):
    """Another program, or another run of this harness, holds what we need."""
