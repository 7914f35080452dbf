"""The root of every error that is a user's to fix: the command line prints it as one line, exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable


class SparringError(Exception):
    """Something came that cannot be used; the message says what came, what was expected, what to do.

    Each error of ours derives from this and from the standard class that it refines.
    """


def exit_code(program: str, run: Callable[[], int]) -> int:
    """What `run` returns. 2: something to fix, said in one line; 130: interrupted."""
    try:
        return run()
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except (SparringError, OSError) as fault:
        print(f"{program}: {' '.join(str(fault).split()) or type(fault).__name__}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
