"""Reading the IDX files that MNIST and its relatives come in."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

from mnistgen.errors import UserError


def find(folder: Path, name: str) -> Path:
    """The file `name.gz` of a folder where there is one, and `name` otherwise."""
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else folder / name


def read(path: Path, shape: tuple[int, ...]) -> tuple[Tensor, str]:
    """The uint8 array of `shape` in an IDX file, plain or .gz, and its unpacked bytes' MD5.

    Raises UserError for a damaged file or one that holds something else.
    """
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path} is damaged: {error}") from error
    # Header: two zero bytes, 8 for unsigned bytes, the number of dimensions, each of them.
    header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
    if not content.startswith(header):
        raise UserError(f"{path} is not an IDX file of {' x '.join(map(str, shape))} bytes")
    size = len(header) + math.prod(shape)
    if len(content) != size:
        raise UserError(f"{path} is damaged: {len(content):,} bytes unpacked, not {size:,}")
    array = torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=len(header))
    return array.view(shape), hashlib.md5(content, usedforsecurity=False).hexdigest()
