"""Decoded images on disk, so that each is decoded once and not in every epoch of every training."""

import inspect
import os
import sqlite3
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa
from filelock import FileLock

from stages.common.cli import StageError, stdout
from stages.common.files import remove
from stages.network.input import Input
from stages.qr.version import code_version

CODEC = "lz4"  # a drawn code shrinks from 50 kB to 5, and is back in 30 microseconds

AT_ONCE = 1000  # arrays; SQLite bounds the values of a statement
FORMAT = 2  # of the table, which an older file is given
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _checksum(key: bytes, channels: int, packed: bytes) -> int:
    return zlib.crc32(packed, zlib.crc32(key, channels))


class Views:
    """What `takes.see` makes of images, by the SHA-256 of the images' bytes.

    At most `mib` MiB in the SQLite file at `path`; where it is full, what was put in first gives way. Any
    number of processes may use it at once. Networks that see the same share it; code or libraries of another
    version find nothing of this one's. Every entry has a checksum; what is damaged, an entry or the file, is made
    anew, and a line says so. Raises StageError where the file cannot be written.
    """

    def __init__(self, path: Path, mib: int, takes: Input) -> None:
        self.path = path
        self.most = mib * 2**20
        self.plane, self.dtype = takes.shape[-2:], np.dtype(takes.dtype)
        self.size = prod(self.plane) * self.dtype.itemsize  # bytes of a channel
        self.version = code_version(Path(inspect.getfile(takes.see)))
        self.connection: tuple[int, sqlite3.Connection] | None = None

    def get(self, sha256s: Sequence[str]) -> dict[str, np.ndarray]:
        """The arrays as `put` got them, by hash; those that are not there are left out."""
        found = {}
        for start in range(0, len(sha256s), AT_ONCE):
            keys = tuple(map(self._key, sha256s[start : start + AT_ONCE]))
            marks = ",".join("?" * len(keys))
            query = f"SELECT key, channels, pixels, checksum FROM views WHERE key IN ({marks})"  # noqa: S608 (as below)
            for key, channels, packed, checksum in self._execute(query, keys):
                if checksum != _checksum(key, channels, packed):
                    stdout.print(f"{self.path}: an image in it is damaged, and is decoded again")
                    self._execute("DELETE FROM views WHERE key = ?", (key,))
                    continue
                # A buffer of pyarrow's can be written to, as PyTorch wants it of what it shares memory with; bytes
                # cannot.
                flat = np.frombuffer(pa.decompress(packed, self.size * channels, CODEC), self.dtype)
                found[key.hex()[16:]] = flat.reshape(self.plane if channels == 1 else (*self.plane, channels))
        return found

    def put(self, sha256: str, seen: np.ndarray) -> None:
        """Keep `seen`, which is as large as `takes.shape` says, with or without an axis of channels at the end."""
        channels = 1 if seen.ndim == 2 else seen.shape[2]
        key, packed = self._key(sha256), pa.compress(np.ascontiguousarray(seen), CODEC, asbytes=True)
        entry = (key, channels, packed, _checksum(key, channels, packed))
        insert = "INSERT OR IGNORE INTO views (key, channels, pixels, checksum) VALUES (?, ?, ?, ?)"
        try:
            self._execute(insert, entry)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            oldest = "SELECT min(number) + (max(number) - min(number)) / 8 FROM views"
            self._execute(f"DELETE FROM views WHERE number <= ({oldest})")  # noqa: S608 (no word of it is anybody else's)
            try:
                self._execute(insert, entry)
            except sqlite3.OperationalError as full:  # by another process, meanwhile: this one is decoded again
                if full.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise

    def _key(self, sha256: str) -> bytes:
        return bytes.fromhex(self.version[:16] + sha256)

    def _execute(self, statement: str, values: tuple = (), again: bool = True) -> list[tuple]:
        try:
            # A connection must not be taken along into a forked process.
            if self.connection is None or self.connection[0] != os.getpid():
                self.connection = os.getpid(), self._connect()
            return self.connection[1].execute(statement, values).fetchall()
        # SQLite quotes a damaged file in its messages, which then are no text.
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            code = getattr(error, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_FULL and statement.startswith("INSERT"):
                raise
            if again and (code in DAMAGED or isinstance(error, UnicodeDecodeError)):
                stdout.print(f"{self.path} is damaged, and is made anew ({error})")
                self._delete()
                return self._execute(statement, values, again=False)
            raise StageError(
                f"{self.path}: {error}. It holds nothing but copies: delete it, or do without (train.cache_mib: 0)"
            ) from None

    def _delete(self) -> None:
        if self.connection is not None:
            self.connection[1].close()
            self.connection = None
        with FileLock(f"{self.path}.lock"):
            for ending in ("", "-wal", "-shm"):
                remove(self.path.with_name(self.path.name + ending))

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Setting the journal mode of a new file does not wait for `timeout`: two processes that open it at the
        # same moment would find it locked.
        with FileLock(f"{self.path}.lock"):
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")  # after a power cut it may have to be deleted; nothing is lost
        if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
            connection.execute("DROP TABLE IF EXISTS views")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        columns = "number INTEGER PRIMARY KEY, key BLOB UNIQUE, channels INTEGER, pixels BLOB, checksum INTEGER"
        connection.execute(f"CREATE TABLE IF NOT EXISTS views ({columns})")
        page, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count"))
        if page * pages > self.most:  # it was allowed to be larger before
            connection.execute("DELETE FROM views")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute(f"PRAGMA max_page_count = {self.most // page}")
        return connection
