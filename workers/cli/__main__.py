"""`python -m headgate.workers.cli`."""

import sys

from .program import main

sys.exit(main())
