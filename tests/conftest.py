"""What every test gets: properties are judged by their result, never by the machine's speed.

The same inputs are drawn on every run, so that a failure is of the change that it came with.
`make fuzz` draws others.
"""

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    # To shrink a whole cluster takes minutes; `make fuzz` does it.
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
