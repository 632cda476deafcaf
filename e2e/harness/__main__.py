"""Makes the package executable: `python -m e2e.harness`."""

import sys

from e2e.harness.cli import main

sys.exit(main())
