"""What the processes of a graded submission say to each other, and how.

A frame is its length in 8 bytes, then a line of JSON, then the bytes of its arrays.
What comes from a student's process is read as numbers and words, never as objects.
"""

import contextlib
import json
import math
import os
import select
import struct
import time

import numpy as np

from utils.answers import NUMBERS, Strange

LARGEST = 256 * 2**20  # bytes in a frame
LONGEST = 4 * 2**20  # bytes of its words, which take thirty times more when read


class Silence(Exception):
    """Nothing came in time, or the other side is gone."""


class TooLate(Silence):
    """Nothing came in time."""


def send(stream, words, blobs=b"", deadline=math.inf):
    """Write one frame to a file descriptor.

    Raises:
        Silence: the other side does not read it before the deadline (of
            time.monotonic()); only a descriptor that does not block has one.
    """
    text = json.dumps(words).encode() + b"\n"
    text = memoryview(struct.pack(">Q", len(text) + len(blobs)) + text + blobs)
    while text:
        try:
            text = text[os.write(stream, text) :]
        except BlockingIOError:
            if not select.select([], [stream], [], _left(deadline))[1]:
                raise TooLate("it does not listen") from None


def receive(stream, deadline=math.inf):
    """Read one frame from a file descriptor: its words, and its bytes.

    Raises:
        TooLate: the deadline (of time.monotonic()) passed.
        Silence: the stream ended, or it does not hold frames.
    """
    (size,) = struct.unpack(">Q", _read(stream, 8, deadline))
    if size > LARGEST:
        raise Silence("it sent too much")
    words, _, blobs = bytes(_read(stream, size, deadline)).partition(b"\n")
    if len(words) > LONGEST:
        raise Silence("it sent too many words")
    with contextlib.suppress(ValueError, RecursionError):
        words = json.loads(words)
        if isinstance(words, dict) and isinstance(words.get("error"), dict | None):
            return words, blobs
    raise Silence("it sent something that is no answer")


def _left(deadline):
    """Return the seconds until a deadline, or None for ever."""
    return None if deadline == math.inf else max(0, deadline - time.monotonic())


def _read(stream, size, deadline):
    found = bytearray()
    while len(found) < size:
        if not select.select([stream], [], [], _left(deadline))[0]:
            raise TooLate("it took too long")
        part = os.read(stream, min(size - len(found), 2**20))
        if not part:
            raise Silence("its process ended")
        found += part
    return found


def packed(value):
    """Return a plain value (see utils.answers) as words and bytes."""
    blobs = bytearray()

    def words_of(value):
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, list):
            return {"list": [words_of(part) for part in value]}
        if isinstance(value, np.ndarray):
            start = len(blobs)
            if value.dtype == np.longdouble:
                value = value.astype(float)
            blobs.extend(np.ascontiguousarray(value).tobytes())
            return {"array": value.dtype.str, "shape": value.shape, "start": start}
        if isinstance(value, bytes):  # a saved model
            start = len(blobs)
            blobs.extend(value)
            return {"model": len(value), "start": start}
        return {"strange": getattr(value, "kind", type(value).__name__)}

    return words_of(value), bytes(blobs)


def unpacked(words, blobs):
    """Return the plain value that `packed` was given; a model as its bytes."""
    left = len(blobs)

    def part_of(start, size):
        """Return bytes; none of them is there twice, lest much come from little."""
        nonlocal left
        left -= size
        if min(start, size, left) < 0:
            raise Silence("it sent less than it said")
        return blobs[start : start + size]

    def value_of(words):
        if words is None or isinstance(words, str):
            return words
        if not isinstance(words, dict):
            raise Silence("it sent something that is no answer")
        if "list" in words:
            return [value_of(part) for part in words["list"]]
        if "array" in words:
            kind, shape = np.dtype(words["array"]), tuple(map(int, words["shape"]))
            if kind.kind not in NUMBERS:
                raise Silence("it sent an array of objects")
            size = kind.itemsize * math.prod(shape)
            found = np.frombuffer(part_of(int(words["start"]), size), kind)
            return found.reshape(shape).copy()
        if "model" in words:
            return bytes(part_of(int(words["start"]), int(words["model"])))
        strange = Strange(None)
        strange.kind = str(words.get("strange"))[:80]
        return strange

    return value_of(words)
