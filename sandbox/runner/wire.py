"""What client, supervisor, fork server and child say to each other, and the bounds that they share."""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PROTOCOL: Final = 5

RUN: Final = struct.Struct("<QQI")
"""Supervisor to fork server: MiB of address space beyond the server's own, CPU seconds, KiB of record."""
FORKED: Final = struct.Struct("<Q")
"""Fork server to supervisor, with a descriptor of the process: its id. Not sent of runs that end at once."""
END: Final = struct.Struct("<idddQ?")
"""Fork server to supervisor: wait status, wall, user and system CPU seconds, peak resident KiB, whether the
child had locked itself in."""
REPLY: Final = struct.Struct("<QBidddQIII")
"""Supervisor to client: id, fate, wait status, wall, user and system seconds, peak resident KiB, and the
lengths of stdout, stderr and record, which follow."""

# How a run ended, as the supervisor saw it.
ENDED, DEADLINE, OUTPUT, RECORD, THREADS, CANCELLED, FAILED, HELLO, SERVER_LOST = range(9)
# What the child says of one call.
OK, ERROR, MEMORY, INVALID, TOO_LARGE = range(5)

LOCKED: Final = b"L"
"""What the locked child tells the fork server before it reads a byte of its request, by a pipe that it then
closes: a pipe that is still open could be opened again from `/proc/self/fd`, Landlock or not, and the mark
be read back. Without the mark a fault is ours; with it nothing a snippet does can look like one of ours."""
EXIT_MEMORY: Final = 77
"""The exit code of a child that ran out of memory."""

SILENCE_SECONDS: Final = 120.0
"""A supervisor that hears nothing for so long leaves: where an engine is killed, nothing else tells it."""
START_SECONDS: Final = 20.0
"""For a fork server to start and fork; the run's own time counts from its fork."""
QUIET_SECONDS: Final = 0.003
"""Most runs are over by then: only of others is more heard than their end."""

DEPTH: Final = 64
"""How deep values may nest."""
INPUTS: Final = 1 << 16
"""Of one job."""
SLACK_BYTES: Final = 1 << 20
"""Of a record beside its values: what is said of so many inputs."""
WORDS: Final = 1 << 14
"""Characters of all reasons in a record; when they are used up only the codes are said."""
CHUNK_BYTES: Final = 1 << 16
"""To read at once: for more Python asks the kernel each time for the memory."""
THREADS_AT_ONCE: Final = 64
"""What a container's process limit leaves; on the host the supervisor counts them itself."""
