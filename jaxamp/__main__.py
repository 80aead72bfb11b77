"""`python -m jaxamp` is `jaxamp`."""

import sys

from jaxamp.cli.main import main

sys.exit(main())
