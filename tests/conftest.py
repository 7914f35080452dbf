"""What holds for every test."""

from __future__ import annotations

import signal

# A script's background job ignores Ctrl-C, and what it starts inherits that: not here, where some tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
