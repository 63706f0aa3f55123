"""Reading files that may be hostile or damaged: bounded in time and in memory.

Who reads what comes from others first asks how much there is, never reads more than a
limit, and believes no size that a file states of itself. Each reader raises BadFile,
which says in words what is wrong; the caller knows what to do about it.
"""

import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager

import numpy as np

from utils.wording import SaidError

MEGABYTE = 1_000_000
MOST_MEMBERS = 100  # of a gzip file
DEEPEST = 50  # brackets within brackets in JSON; the course's own files have ten
PICKLE = b"\x80"  # how a pickle begins
OBJECTS = "pickled Python objects. Pickles can run any code and are never opened here"
KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class BadFile(SaidError):
    """A file cannot be used.

    Attributes:
        path: the file.
        why: what is wrong, in words that follow the file's name: "is empty".
    """

    def __init__(self, path, why):
        super().__init__(f"{path} {why}")
        self.path, self.why = path, why


@contextmanager
def open_regular(path, limit):
    """Open a regular file for reading that is neither empty nor larger than a limit.

    A pipe or a device would keep the reader waiting, or never end.

    Args:
        path: the file.
        limit: bytes.

    Yields:
        A binary file.

    Raises:
        BadFile: it is something else, empty or too large.
        OSError: there is no such file, or it may not be read.
    """
    _check_regular(path, os.stat(path), limit)
    # It may be replaced after that look. So: open without waiting, and look again.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        _check_regular(path, os.fstat(file.fileno()), limit)
        yield file


def _check_regular(path, status, limit):
    for is_kind, kind in KINDS.items():
        if is_kind(status.st_mode):
            raise BadFile(path, f"is {kind}, not a file")
    if status.st_size == 0:  # files of the system, as in /proc, say 0, too
        raise BadFile(path, "is empty")
    if status.st_size > limit:
        raise BadFile(
            path, f"is too large: {_size(status.st_size)}, more than {_size(limit)}"
        )


def _size(n_bytes):
    if n_bytes < MEGABYTE:
        return f"{n_bytes:,} bytes"
    return f"{n_bytes / MEGABYTE:,.0f} MB"


def read_bytes(path, limit):
    """Return what a regular file holds as a bytearray; raises as open_regular."""
    with open_regular(path, limit) as file:
        return _read_at_most(file, limit, path)


def _read_at_most(file, limit, path):
    """Read a stream to its end, in pieces, and give up once it is over a limit."""
    content = bytearray()
    while piece := file.read(MEGABYTE):
        content += piece
        if len(content) > limit:
            raise BadFile(path, f"is too large: it holds more than {_size(limit)}")
    return content


def read_gzip(path, limit):
    """Return what a gzip file holds as a bytearray of at most so many bytes.

    Raises:
        BadFile: it is no whole gzip file, or holds more; and as open_regular.
    """
    with open_regular(path, limit) as file:
        try:
            return _read_at_most(_Unpacked(file), limit, path)
        except (EOFError, zlib.error) as error:
            raise BadFile(
                path, f"is damaged or cut off: it is not a whole gzip file ({error})"
            ) from error


class _Unpacked:
    """What a gzip file holds, read in pieces.

    Python's own gzip reads a name in the header byte by byte, and makes an object for
    each of the members that a file may have; an honest one has one.
    """

    def __init__(self, file):
        self._file, self._packed = file, b""
        self._member, self._n_members = None, 0

    def read(self, size):
        while True:
            if not self._packed:
                self._packed = self._file.read(MEGABYTE)
            if self._member is None:
                # Nothing, or the zeros that a tape is filled up with, ends a file.
                self._packed = (
                    self._packed.lstrip(b"\0") if self._n_members else self._packed
                )
                if not self._packed and self._n_members:
                    return b""
                self._begin()
            if not self._packed:
                raise EOFError("it ends too early")
            piece = self._member.decompress(self._packed, size)
            self._packed = self._member.unconsumed_tail
            if self._member.eof:
                self._packed, self._member = self._member.unused_data, None
            if piece:
                return piece

    def _begin(self):
        self._n_members += 1
        if self._n_members > MOST_MEMBERS:
            raise zlib.error(f"it has more than {MOST_MEMBERS} parts")
        self._member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


# --- JSON ----------------------------------------------------------------------------


def read_json(path, limit):
    """Return what a JSON file holds; raises as parse_json and open_regular."""
    return parse_json(read_bytes(path, limit), path)


def parse_json(raw, path):
    """Return what JSON in bytes holds: UTF-8, no key twice, finite numbers, not deep.

    Args:
        raw: bytes or bytearray.
        path: where they are from, for the message.

    Raises:
        BadFile: they are not such JSON.
    """
    try:
        text = raw.decode("utf-8")
        _check_depth(text)
        return json.loads(
            text,
            object_pairs_hook=_no_key_twice,
            parse_constant=_finite,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BadFile(path, f"is not JSON as expected ({error})") from error


def _check_depth(text):
    depth = 0
    # A text is one find, and no bracket in it counts; "*+" never tries a second way.
    for found in re.findall(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', text, re.DOTALL):
        depth += (found in ("[", "{")) - (found in ("]", "}"))
        if depth > DEEPEST:
            raise ValueError(f"brackets lie more than {DEEPEST} deep")


def _no_key_twice(pairs):
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError(f"the key {_twice(name for name, _ in pairs)} is there twice")
    return mapping


def _twice(names):
    """Return the name that is there most often, as a message quotes it."""
    ((name, _),) = Counter(names).most_common(1)
    return f"{name!r:.100}"


def _finite(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is not a finite number")
    return number


# --- zip archives, and the arrays in them --------------------------------------------


class _InPieces:
    """A file that is read a megabyte at a time; a longer directory is no archive's."""

    def __init__(self, file):
        self._file = file

    def read(self, size=-1):
        if size > MEGABYTE:
            raise ValueError(f"it asks for {_size(size)} at once")
        return self._file.read(size)

    def __getattr__(self, name):
        return getattr(self._file, name)


@contextmanager
def open_zip(path, limit):
    """Open a zip archive whose files have, unpacked, no more than so many bytes.

    Yields:
        zipfile.ZipFile. It gives no more of a file than its directory says.

    Raises:
        BadFile: it is no zip archive, is damaged (also where that shows only while it
            is read), or would unpack to more; and as open_regular.
    """
    with open_regular(path, limit) as file:
        try:
            with zipfile.ZipFile(_InPieces(file)) as archive:
                _check_members(archive.infolist(), path, limit)
                yield archive
        except (BadFile, OSError):
            raise
        # A damaged archive makes zipfile and NumPy raise a dozen kinds of errors.
        except Exception as error:
            raise BadFile(path, f"is damaged or cut off ({error!s:.200})") from error


def _check_members(members, path, limit):
    total = sum(member.file_size for member in members)
    if total > limit:
        raise BadFile(
            path, f"is too large: unpacked {_size(total)}, more than {_size(limit)}"
        )
    names = [member.filename for member in members]
    if len({*names}) < len(names):  # who reads one of them would not see the other
        raise BadFile(path, f"holds {_twice(names)} twice")
    # Other methods unpack a piece at once, however much it is; nobody uses them here.
    methods = {member.compress_type for member in members}
    if not methods <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadFile(path, "is packed by a method other than deflate")


def read_member(archive, name, path):
    """Return one file of an open archive as a bytearray; path is for the message."""
    with archive.open(name) as member:
        return _read_at_most(member, archive.getinfo(name).file_size, path)


def npz_headers(path, names, limit):
    """Return the shape and the dtype that arrays of an .npz file state, by name.

    Args:
        path: the file.
        names: of the arrays; others are not looked at.
        limit: bytes of the file, and of all that is in it when unpacked.

    Returns:
        dict from name to (shape, dtype).

    Raises:
        BadFile: an array is missing, or its header states what cannot be; and as
            open_zip.
    """
    with _open_npz(path, names, limit) as archive:
        return {name: _npy_header(archive, f"{name}.npy", path)[1:3] for name in names}


def read_npz(path, names, limit):
    """Return arrays of an .npz file by name; nothing is ever unpickled.

    Args, Raises: as npz_headers.
    """
    with _open_npz(path, names, limit) as archive:
        return {name: _read_array(archive, f"{name}.npy", path) for name in names}


@contextmanager
def _open_npz(path, names, limit):
    with open_regular(path, limit) as file:
        start = file.read(6)
    if start == np.lib.format.MAGIC_PREFIX:
        raise BadFile(path, f"holds a single array, not {', '.join(names)}")
    if start.startswith(PICKLE):
        raise BadFile(path, f"holds {OBJECTS}")
    with open_zip(path, limit) as archive:
        there = [name.removesuffix(".npy") for name in archive.namelist()]
        if missing := [name for name in names if name not in there]:
            raise BadFile(
                path,
                f"has no array {', '.join(missing)}. Expected {', '.join(names)}; "
                f"found {', '.join(f'{n:.40}' for n in there[:20]) or 'none'}",
            )
        yield archive


def _read_array(archive, name, path):
    length, shape, dtype, order = _npy_header(archive, name, path)
    raw = read_member(archive, name, path)
    return np.frombuffer(raw, dtype, offset=length).reshape(shape, order=order)


def _npy_header(archive, name, path):
    """Return an array's length of header, shape, dtype and order, if they can be."""
    with archive.open(name) as member:
        try:
            length, (shape, is_fortran, dtype) = _parse_npy_header(member)
        except ValueError as error:  # whose words may advise to trust the file
            why = f"is damaged or cut off: {name} has no header of an array"
            raise BadFile(path, why) from error
    if dtype.hasobject:
        raise BadFile(path, f"holds {OBJECTS}")
    if dtype.kind not in "biufU":
        raise BadFile(path, f"holds values of the type {dtype}")
    n_bytes = length + math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or n_bytes != archive.getinfo(name).file_size:
        raise BadFile(
            path,
            f"is damaged or cut off: {name} states {shape} {dtype}, but is not so",
        )
    return length, shape, dtype, "F" if is_fortran else "C"


def _parse_npy_header(member):
    start = np.lib.format.read_magic(member)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    header = readers[start](member)
    return member.tell(), header
