"""Reads the variables of a TensorFlow checkpoint without TensorFlow.

A checkpoint ("tensor bundle") is two files: `PREFIX.index`, a LevelDB table that maps a variable's name to a
small protocol buffer (type, shape, place, CRC), and `PREFIX.data-00000-of-00001`, the raw values one after the
other. Both are simple enough to read in a page, which saves every user a download of half a gigabyte and an old
Python. Every value's CRC-32C is checked, so a damaged file is an error here and never a slightly wrong teacher.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

TABLE_MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
FLOAT32 = 1  # tensorflow.DataType.DT_FLOAT


class CheckpointError(ValueError):
    """A checkpoint that cannot be read; the message names the file and the reason."""


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`, masked as LevelDB and TensorFlow store it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The variable-length integer at `at`, and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(message: bytes):
    """Every (field number, value) of a protocol buffer; nested messages come as bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
        elif wire == 1:
            value, at = message[at : at + 8], at + 8
        elif wire == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif wire == 5:
            value, at = struct.unpack_from("<I", message, at)[0], at + 4
        else:
            raise ValueError(f"wire type {wire} in an index entry")
        yield number, value


def _block(table: bytes, offset: int, size: int) -> list[tuple[bytes, bytes]]:
    """The entries of one block of a LevelDB table. Keys share prefixes with the key before."""
    data = table[offset : offset + size]
    kind = table[offset + size]
    (crc,) = struct.unpack_from("<I", table, offset + size + 1)
    if masked_crc32c(table[offset : offset + size + 1]) != crc:
        raise ValueError(f"checksum of the block at byte {offset} is wrong")
    if kind != 0:
        raise ValueError(f"block at byte {offset} is compressed (type {kind}), which musicnn's are not")
    (restarts,) = struct.unpack_from("<I", data, size - 4)
    end = size - 4 - 4 * restarts
    entries, at, key = [], 0, b""
    while at < end:
        shared, at = _varint(data, at)
        unshared, at = _varint(data, at)
        length, at = _varint(data, at)
        key = key[:shared] + data[at : at + unshared]
        at += unshared
        entries.append((key, data[at : at + length]))
        at += length
    return entries


def _table(table: bytes) -> dict[bytes, bytes]:
    if len(table) < FOOTER_BYTES or struct.unpack("<Q", table[-8:])[0] != TABLE_MAGIC:
        raise ValueError("not a LevelDB table")
    footer = table[-FOOTER_BYTES:]
    at = 0
    for _ in range(2):  # the meta index's handle, of no use here, comes first
        _, at = _varint(footer, at)
    offset, at = _varint(footer, at)
    size, at = _varint(footer, at)
    entries: dict[bytes, bytes] = {}
    for _, handle in _block(table, offset, size):
        block_offset, after = _varint(handle, 0)
        block_size, _ = _varint(handle, after)
        entries.update(_block(table, block_offset, block_size))
    return entries


def _entry(message: bytes) -> tuple[int, tuple[int, ...], int, int, int]:
    """(type, shape, offset, size, masked CRC) of a variable."""
    fields = dict(_fields(message))
    shape = []
    for number, value in _fields(fields.get(2, b"")):
        if number == 2:  # TensorShapeProto.dim
            shape.append(dict(_fields(value)).get(1, 0))
    return fields.get(1, 0), tuple(shape), fields.get(4, 0), fields.get(5, 0), fields.get(6, 0)


def read_checkpoint(index: bytes, data: bytes, name: str, wanted=lambda variable: True) -> dict[str, np.ndarray]:
    """Variables of the checkpoint whose two files hold `index` and `data`, by name, as float32.

    `wanted` chooses among the names (an optimiser's state is two thirds of a training checkpoint). `name` stands
    in error messages. Raises CheckpointError.
    """
    variables = {}
    try:
        for key, message in _table(index).items():
            variable = key.decode()
            if not variable or not wanted(variable):  # the empty key is the bundle's header
                continue
            kind, shape, offset, size, crc = _entry(message)
            if kind != FLOAT32:
                raise ValueError(f"{variable} is not float32 (type {kind})")
            raw = data[offset : offset + size]
            if len(raw) != size or size != 4 * int(np.prod(shape, dtype=np.int64)):
                raise ValueError(f"{variable} has {len(raw)} bytes, its shape {shape} needs another number")
            if masked_crc32c(raw) != crc:
                raise ValueError(f"checksum of {variable} is wrong")
            variables[variable] = np.frombuffer(raw, dtype="<f4").reshape(shape)
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise CheckpointError(f"{name}: {error}") from error
    return variables


def read_checkpoint_files(prefix: Path) -> dict[str, np.ndarray]:
    """All float32 variables of `PREFIX.index` and `PREFIX.data-00000-of-00001` on disk."""
    index = Path(f"{prefix}.index").read_bytes()
    data = Path(f"{prefix}.data-00000-of-00001").read_bytes()
    return read_checkpoint(index, data, str(prefix))
