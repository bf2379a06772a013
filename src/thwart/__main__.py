"""`python -m thwart`."""

import sys

from thwart.cli import main

sys.exit(main())
