"""The root of every error that is a user's to fix: the command line prints it as one line, exit code 2."""


class SparringError(Exception):
    """Something came that cannot be used; the message says what came, what was expected, what to do.

    Each error of ours derives from this and from the standard class that it refines.
    """
