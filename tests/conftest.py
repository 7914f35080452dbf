"""What holds for every test."""

from __future__ import annotations

import signal

# A background job of a script ignores Ctrl-C, and so would what it starts: not here, where tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
