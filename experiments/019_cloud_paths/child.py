"""`jaxamp …` with buckets that a folder or a local server stands in for."""

import os
import sys

from jaxamp.cli import lease, mirror
from jaxamp.cli.main import main

mirror.DELIVER_SECONDS = 1.0  # the runs here last seconds
lease.REFRESH_SECONDS = 1.0
lease.LEASE_SECONDS = 5.0

if "STAND_IN" in os.environ:
    from cloud_stand_in import stand_in  # ours, of the tests

    stand_in(os.environ["STAND_IN"])

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
