"""Transcripts on disk: lines appended to files of bounded size, made durable before their rows are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

SEGMENT_BYTES = 64 * 2**20


class Segments:
    """The transcripts of one store. Only the holder of the store's lock may append.

    A place is (segment, offset, length); `append` returns once the lines are on disk. What a crash left
    behind the last known row is cut off at the next start, so no file ever holds half a line for good.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._size = 0
        self._file: int | None = None
        self._read: tuple[int, int] | None = None

    def resume(self, number: int, size: int) -> None:
        """Go on behind `size` bytes of segment `number`, the last that a row speaks of."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forget()  # a segment that is open may be removed here
        for stray in self._folder.glob("*.jsonl"):
            # segments beyond the last row hold only what a crash left
            if int(stray.stem) > number:
                stray.unlink()
        self._number, self._size = number, size
        if number and self._path(number).exists():
            os.truncate(self._path(number), size)

    def append(self, lines: Sequence[bytes]) -> list[tuple[int, int, int]]:
        """Write the lines, wait for the disk, and say where each is. OSError leaves nothing behind."""
        file = self._open()
        start = self._size
        found: list[tuple[int, int, int]] = []

        for line in lines:
            found.append((self._number, self._size, len(line)))
            self._size += len(line) + 1
        try:
            left = memoryview(b"\n".join(lines) + b"\n")
            while left:  # a disk that fills up takes a part before it refuses
                left = left[os.write(file, left) :]
            os.fdatasync(file)
        except OSError:
            # places are given again: no row was told of these
            self._size = start
            self._abandon()
            raise
        return found

    def read(self, number: int, offset: int, length: int) -> bytes:
        """The bytes at a place; fewer than `length` when the file was cut."""
        if self._read is None or self._read[0] != number:
            self._forget()
            # games are mostly read in the order of their lines, so one open file serves thousands
            self._read = number, os.open(self._path(number), os.O_RDONLY | os.O_CLOEXEC)
        # never by a buffer: another process may append to the file, or mend its end
        return os.pread(self._read[1], length, offset)

    def close(self) -> None:
        self._forget()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _forget(self) -> None:
        if self._read is not None:
            os.close(self._read[1])
            self._read = None

    def _open(self) -> int:
        if self._file is None or self._size >= SEGMENT_BYTES:
            self.close()
            if self._number == 0 or self._size >= SEGMENT_BYTES:
                self._number, self._size = self._number + 1, 0
            path = self._path(self._number)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            # a power cut loses a new file whose folder is not on the disk
            _sync_folder(self._folder)
        return self._file

    def _abandon(self) -> None:
        """Undo a failed write as far as the disk lets us; `resume` does the rest."""
        self.close()

        try:
            os.truncate(self._path(self._number), self._size)
        except (
            OSError
        ):  # the disk is already known to be failing; the first error is the one to show
            return

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.jsonl"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
