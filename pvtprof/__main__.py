"""`python -m pvtprof`."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]  # a json.py or torch.py of a user's is not the library of that name

from pvtprof.cli.app import main

sys.exit(main())
