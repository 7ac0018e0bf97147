"""Protobuf messages by a strict schema: what the schema does not name is refused.

Protobuf readers differ in what they make of unknown fields, of fields that occur twice and of
other encodings of the same number. Here each of them is an error, so that no other reader can
see more in the same bytes than was checked. Byte strings are views of the given bytes, not copies.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Wire(IntEnum):
    """How a value is encoded. Of the format's other four kinds ONNX uses none that we accept."""

    NUMBER = 0
    BYTES = 2
    FLOAT = 5


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a message may have."""

    name: str
    wire: Wire
    many: bool = False


Schema = Mapping[int, Field]
Bytes = bytes | memoryview
MOST_VALUES: Final = 20_000  # of one field in one message
_NUMBER, _FLOAT = Wire.NUMBER, Wire.FLOAT  # an attribute of an enumeration takes longer to find
_MOST_BITS: Final = 63  # the shift of a number's tenth and last byte


class WireError(ValueError):
    """Bytes that are no message of the schema; the sentence says why."""


class Message:
    """The fields of one message, by name; those that are absent are empty or zero."""

    __slots__ = ("_values",)

    def __init__(self, data: memoryview, schema: Schema) -> None:
        """Read all of `data`.

        Raises:
            WireError: it is no such message.
        """
        self._values: dict[str, list[int | memoryview]] = {}
        at = 0
        while at < len(data):
            key, at = (data[at], at + 1) if data[at] < 128 else _number(data, at)
            field = schema.get(key >> 3)
            if field is None or key & 7 != field.wire:
                raise WireError(f"field {key >> 3} is not one that an encoder has")
            value, at = _value(data, at, field.wire)
            values = self._values.setdefault(field.name, [])
            if len(values) >= (MOST_VALUES if field.many else 1):
                raise WireError(f"{field.name} occurs {len(values):,} times and more")
            values.append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def number(self, name: str) -> int:
        """An integer, 0 where it is absent; the format stores negative ones as 2^64 - x."""
        return self.numbers(name)[0] if name in self._values else 0

    def numbers(self, name: str) -> list[int]:
        """All integers of a repeated field."""
        found = self._values.get(name, ())
        return [each - (1 << 64) if each >> 63 else each for each in found if type(each) is int]

    def bytes(self, name: str) -> memoryview:
        """A byte string or the bytes of an inner message, empty where it is absent."""
        return self.all_bytes(name)[0] if name in self._values else memoryview(b"")

    def all_bytes(self, name: str) -> list[memoryview]:
        """All byte strings or inner messages of a repeated field."""
        return [each for each in self._values.get(name, ()) if type(each) is memoryview]

    def text(self, name: str) -> str:
        """A string, empty where it is absent.

        Raises:
            WireError: it is not UTF-8.
        """
        return _text(self.bytes(name))

    def texts(self, name: str) -> list[str]:
        """All strings of a repeated field.

        Raises:
            WireError: one is not UTF-8.
        """
        return [_text(each) for each in self.all_bytes(name)]


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise WireError("a name is not UTF-8") from error


def _value(data: memoryview, at: int, wire: Wire) -> tuple[int | memoryview, int]:
    if wire is _FLOAT:
        size = 4
    else:
        size, at = _number(data, at)
        if wire is _NUMBER:
            return size, at
    if size > len(data) - at:
        raise WireError("it ends too early")
    return data[at : at + size], at + size


def _number(data: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, least first, and where the next value begins."""
    if at < len(data) and data[at] < 128:
        return data[at], at + 1
    found = shift = 0
    while at < len(data) and shift <= _MOST_BITS:
        byte = data[at]
        found |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            if found >> 64 or byte == 0:
                raise WireError("a number is longer than it has to be")
            return found, at
    raise WireError("it ends within a number")


def written(schema: Schema, **fields: Sequence[int | Bytes | list[Bytes]]) -> list[Bytes]:
    """A message with these values of each field, in pieces, so that large ones are copied once.

    Integers must not be negative; an inner message is given in its pieces.
    """
    numbers = {field.name: (number, field.wire) for number, field in schema.items()}
    parts: list[Bytes] = []
    for name, values in fields.items():
        number, wire = numbers[name]
        for value in values:
            parts.append(_written_number(number << 3 | wire))
            if isinstance(value, int):
                parts.append(_written_number(value))
            else:
                pieces = value if isinstance(value, list) else [value]
                parts += [_written_number(sum(map(len, pieces))), *pieces]
    return parts


def _written_number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)
