"""New lines of a file that grows, read from where the last reading ended."""

from __future__ import annotations

import os
from pathlib import Path

MOST_BYTES = 2**21
"""Of one reading: a file of a gigabyte is read in steps, with room for others between them."""


class Tail:
    """Whole lines of a file as they come. The file need not be there yet; it is never locked or kept open.

    `restarted` says after a reading that the file was cut or replaced, as by a run that went back to a
    checkpoint: what was read before no longer counts, and the lines are its first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.restarted = False
        self.behind = False
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._mark = b""

    def lines(self) -> list[str]:
        """The lines that are new and whole; `behind` says that there are more."""
        self.restarted = self.behind = False
        try:
            with self.path.open("rb", buffering=0) as file:
                return self._read(file.fileno())
        except OSError:
            # a file that is not there (yet, or any longer) has no lines
            if self._file is not None:
                self._begin(None)
                self.restarted = True
            return []

    def _read(self, handle: int) -> list[str]:
        facts = os.fstat(handle)
        file = facts.st_dev, facts.st_ino
        if self._file is not None and not self._same(handle, file, facts.st_size):
            self.restarted = True
        if self._file is None or self.restarted:
            self._begin(file)
        if facts.st_size == self._offset:
            return []

        text = os.pread(handle, MOST_BYTES, self._offset)
        # what stands behind the last newline is still being written
        end = text.rfind(b"\n") + 1
        if not end and len(text) == MOST_BYTES:
            end = len(text)  # a line beyond all measure is passed over, in parts
        whole = text[:end]
        self._offset += end
        self._mark = (self._mark + whole)[-64:]
        self.behind = end > 0 and self._offset < facts.st_size
        return [line.decode("utf-8", "replace") for line in whole.split(b"\n") if line]

    def _same(self, handle: int, file: tuple[int, int], size: int) -> bool:
        """Whether what was read is still there: a file may be cut and have grown again in between."""
        if file != self._file or size < self._offset:
            return False
        known = len(self._mark)
        return os.pread(handle, known, self._offset - known) == self._mark

    def _begin(self, file: tuple[int, int] | None) -> None:
        self._file, self._offset, self._mark = file, 0, b""
