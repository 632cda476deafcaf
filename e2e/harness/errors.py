"""Everything the harness raises on purpose.

HarnessError
├── BinaryUnavailableError  a tool is in none of the places it may come from
├── CommandFailedError      a command that had to succeed did not; carries the end of its output
├── ComponentDiedError      a process we rely on has ended; carries the end of its log
├── WaitTimeoutError        a bounded wait ran out; carries what was seen last
├── NotPermittedError       the step needs rights this user does not have
└── MachineInUseError       something not ours occupies an address, port or lock we need
"""

from __future__ import annotations


class HarnessError(Exception):
    """Base of all failures a caller may show to a person as they are."""


class BinaryUnavailableError(HarnessError):
    """A tool could be had from none of its sources; the message lists each and why it failed."""


class CommandFailedError(HarnessError):
    """A command exited non-zero, was not found or ran out of time."""


class ComponentDiedError(HarnessError):
    """A started process is no longer running."""


class WaitTimeoutError(HarnessError):
    """A condition did not become true within its bound."""


class NotPermittedError(HarnessError):
    """The current user may not do this; the message says which right is missing."""


class MachineInUseError(HarnessError):
    """Another program, or another run of this harness, holds what we need."""
