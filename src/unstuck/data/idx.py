"""The IDX format of MNIST and its likes."""

import math
import struct

import numpy as np

from unstuck.errors import DataError

UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes, name: str) -> np.ndarray:
    """Read an IDX file of unsigned bytes: two zeros, the type, the rank, the lengths, the values.

    Raises
    ------
    DataError
        If the header is not that of such a file or the length does not match it.
    """
    if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTE]):
        raise DataError(f"{name} is not an IDX file of unsigned bytes (it begins {content[:4]!r}).")
    rank = content[3]
    header = 4 + 4 * rank
    if len(content) < header:
        raise DataError(f"{name} is truncated: it ends within its header of {header} bytes.")
    shape = struct.unpack(f">{rank}I", content[4:header])
    expected = header + math.prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{name} has {len(content):,} bytes, but its header says {expected:,}; "
            "it is truncated or damaged."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
