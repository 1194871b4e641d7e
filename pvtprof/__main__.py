"""`python -m pvtprof`."""

import sys

from pvtprof.cli.app import main

sys.exit(main())
