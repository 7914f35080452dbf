"""Starts a supervisor or a fork server: `python -S -s -P …/runner/__main__.py supervise FLOOR`.

A file is started, under `-P`, and not the folder: so the folder is at no time on `sys.path`, and no module
of ours can be imported by a program or stand for one of the library's.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # A started file has no package: make one, whose modules lie beside this file.
    _package = type(sys)("runner")
    _package.__path__ = [sys.argv[0].rpartition("/")[0] or "."]
    sys.modules["runner"] = _package
    __package__ = "runner"

    if sys.argv[1] == "serve":
        from .fork_server import serve

        serve(sys.argv[2], rich=sys.argv[3] == "rich")
    else:
        from .supervisor import supervise

        supervise(*sys.argv[2:])
