"""``python -m monitor`` is ``headlines``."""

import sys

from monitor.cli import main

sys.exit(main())
