"""A number that a flipped byte does not keep."""

import json
import zlib
from collections.abc import Mapping
from typing import Any


def checksum(record: Mapping[str, Any]) -> int:
    """CRC-32 of what is JSON, whatever the order of its keys."""
    return zlib.crc32(json.dumps(record, sort_keys=True).encode())
