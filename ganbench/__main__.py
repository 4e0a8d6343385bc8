"""`python -m ganbench` is the `ganbench` command."""

import sys

from ganbench.cli import main

sys.exit(main())
