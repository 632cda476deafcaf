"""Exit codes that scripts can rely on."""

OK = 0
FAILED = 1
"""Something went wrong that another try may cure."""
INVALID = 2
"""The input is wrong: a file that does not exist, a field that is not allowed, a bad option."""
REFUSED = 3
"""The input is fine, but there is no plan for it; a conversion is refused, or its result."""
NO_CLUSTER = 4
"""The cluster cannot be asked: no configuration, no answer, no right, no such kind."""
