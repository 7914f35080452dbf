"""What runs untrusted code: a supervisor, a fork server, and one locked child per run.

This folder is the whole of it, standard library only: it is copied into the container image, and the
local executor runs it on the host. Client, supervisor and child trust each other only downwards:

    client ─frames─► supervisor ─descriptors─► fork server ─fork─► child

The supervisor owns all bytes and the deadline, runs one child at a time, and compares nothing. The
fork server owns nothing: a child gets its request through a pipe of its own, after the fork, so no
snippet's text is ever in the memory of a later one. The child locks itself in before it reads. What a
child says is a claim; how it ended comes from `wait4` and outranks the claim.

Covered: files, network, other processes, signals, memory, time, output, descriptors. Not covered: bugs of
the kernel, and what can be learned by timing.

From the floor up: `wire` (what is said between them), `framing`, `system_calls`, `locks`, `record` (what
a call returned, as text), `child`, `fork_server`; `run` and `supervisor`; `__main__` starts them.
"""
