"""The system calls that a child may make, by name, and their numbers on this machine.

Every call falls under one of: allowed, denied (EPERM: honest programs try it), fatal (the child dies, and
the attempt is counted), decided by its arguments, or unknown (ENOSYS).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ARM: Final = os.uname().machine == "aarch64"
SIGKILL, SIGXCPU, SIGSYS = 9, 24, 31
"""Of both machines: the module `signal` would bring `enum` with it."""

# Name, x86-64 number, aarch64 number (- where there is none).
ALLOWED: Final = """
read 0 63,write 1 64,readv 19 65,writev 20 66,pread64 17 67,pwrite64 18 68,close 3 57,close_range 436 436,
dup 32 23,dup2 33 -,dup3 292 24,pipe 22 -,pipe2 293 59,lseek 8 62,fstat 5 80,newfstatat 262 79,stat 4 -,
lstat 6 -,statx 332 291,access 21 -,faccessat 269 48,faccessat2 439 439,readlink 89 -,readlinkat 267 78,
getcwd 79 17,getdents64 217 61,chdir 80 49,fchdir 81 50,statfs 137 43,fstatfs 138 44,
poll 7 -,ppoll 271 73,select 23 -,pselect6 270 72,epoll_create1 291 20,epoll_ctl 233 21,
epoll_wait 232 -,epoll_pwait 281 22,eventfd2 290 19,timerfd_create 283 85,timerfd_settime 286 86,
timerfd_gettime 287 87,sendfile 40 71,munmap 11 215,mremap 25 216,
mprotect 10 226,brk 12 214,msync 26 227,membarrier 324 283,rseq 334 293,
set_robust_list 273 99,set_tid_address 218 96,
rt_sigaction 13 134,rt_sigprocmask 14 135,rt_sigreturn 15 139,rt_sigsuspend 130 133,rt_sigpending 127 136,
rt_sigtimedwait 128 137,sigaltstack 131 132,pause 34 -,restart_syscall 219 128,alarm 37 -,
setitimer 38 103,getitimer 36 102,signalfd4 289 74,nanosleep 35 101,gettimeofday 96 169,time 201 -,
times 100 153,getrandom 318 278,
getpid 39 172,gettid 186 178,getppid 110 173,getuid 102 174,geteuid 107 175,getgid 104 176,
getegid 108 177,getgroups 115 158,getresuid 118 148,getresgid 120 150,getpgrp 111 -,
getrlimit 97 163,getrusage 98 165,uname 63 160,sysinfo 99 179,getcpu 309 168,
sched_yield 24 124,sched_get_priority_max 146 125,sched_get_priority_min 147 126,umask 95 166,exit 60 93,
exit_group 231 94,recvfrom 45 207,recvmsg 47 212,shutdown 48 210,getsockopt 55 209,
getsockname 51 204,getpeername 52 205,wait4 61 260,waitid 247 95"""
# Honest programs try these (expanduser, getaddrinfo, tempfile, os.nice, subprocess), so they are told no.
DENIED: Final = """
socket 41 198,setsockopt 54 208,connect 42 203,accept 43 202,
accept4 288 242,bind 49 200,listen 50 201,sendmsg 46 211,
sendmmsg 307 269,recvmmsg 299 243,creat 85 -,mkdir 83 -,mkdirat 258 34,rmdir 84 -,unlink 87 -,
unlinkat 263 35,rename 82 -,renameat 264 38,renameat2 316 276,link 86 -,linkat 265 37,symlink 88 -,
symlinkat 266 36,chmod 90 -,fchmod 91 52,fchmodat 268 53,chown 92 -,fchown 93 55,lchown 94 -,
fchownat 260 54,truncate 76 45,ftruncate 77 46,fallocate 285 47,mknod 133 -,mknodat 259 33,utime 132 -,
utimes 235 -,utimensat 280 88,setxattr 188 5,lsetxattr 189 6,fsetxattr 190 7,flock 73 32,
inotify_init 253 -,inotify_init1 294 26,inotify_add_watch 254 27,setpriority 141 140,
sched_setaffinity 203 122,sched_setparam 142 118,sched_setscheduler 144 119,setrlimit 160 164,
setuid 105 146,setgid 106 144,setreuid 113 145,setregid 114 143,setresuid 117 147,setresgid 119 149,
setgroups 116 159,setpgid 109 154,setsid 112 157,shmget 29 194,shmat 30 196,shmctl 31 195,shmdt 67 197,
semget 64 190,semop 65 193,semctl 66 191,semtimedop 220 192,msgget 68 186,msgsnd 69 189,msgrcv 70 188,
msgctl 71 187,mq_open 240 180,memfd_create 319 279,mlock 149 228,mlockall 151 230,sched_setattr 314 274,
fork 57 -,vfork 58 -,execve 59 221,
fsync 74 82,fdatasync 75 83,sync 162 81,mincore 27 232,fadvise64 221 223,timer_create 222 107"""
# Nobody honest calls these: the child dies, and the attempt is counted.
FATAL: Final = """
execveat 322 281,ptrace 101 117,process_vm_readv 310 270,
process_vm_writev 311 271,kcmp 312 272,pidfd_open 434 434,pidfd_send_signal 424 424,pidfd_getfd 438 438,
tkill 200 130,rt_sigqueueinfo 129 138,rt_tgsigqueueinfo 297 240,mount 165 40,umount2 166 39,
pivot_root 155 41,chroot 161 51,open_tree 428 428,move_mount 429 429,fsopen 430 430,fsconfig 431 431,
fsmount 432 432,mount_setattr 442 442,setns 308 268,unshare 272 97,io_uring_setup 425 425,
io_uring_enter 426 426,io_uring_register 427 427,bpf 321 280,perf_event_open 298 241,userfaultfd 323 282,
keyctl 250 219,add_key 248 217,request_key 249 218,init_module 175 105,finit_module 313 273,
delete_module 176 106,kexec_load 246 104,kexec_file_load 320 294,reboot 169 142,swapon 167 224,
swapoff 168 225,sethostname 170 161,setdomainname 171 162,settimeofday 164 170,clock_settime 227 112,
acct 163 89,quotactl 179 60,iopl 172 -,ioperm 173 -,modify_ldt 154 -,personality 135 92,
name_to_handle_at 303 264,open_by_handle_at 304 265,fanotify_init 300 262,fanotify_mark 301 263,
syslog 103 116,lookup_dcookie 212 18,migrate_pages 256 238,move_pages 279 239,vhangup 153 58,
capset 126 91,seccomp 317 277,memfd_secret 447 447,vmsplice 278 75"""

SERVER: Final = (
    "clone", "landlock_restrict_self", "pidfd_open", "prctl", "prlimit64", "seccomp", "sendmsg", "setpgid",
    "setrlimit",
)  # fmt: skip
"""What a fork server needs, to fork and to lock its children in, and a child is told no or killed for."""

# Calls that are told apart by name: x86-64 number, aarch64 number.
_NUMBERS: Final = {
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fcntl": (72, 25),
    "futex": (202, 98),
    "get_robust_list": (274, 100),
    "getpgid": (121, 155),
    "getpriority": (140, 141),
    "getsid": (124, 156),
    "ioctl": (16, 29),
    "kill": (62, 129),
    "landlock_restrict_self": (446, 446),
    "madvise": (28, 233),
    "mmap": (9, 222),
    "open": (2, -1),
    "openat": (257, 56),
    "pidfd_open": (434, 434),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "seccomp": (317, 277),
    "sendmsg": (46, 211),
    "sendto": (44, 206),
    "setpgid": (109, 154),
    "setrlimit": (160, 164),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
}


def calls(table: str) -> dict[str, int]:
    """Name to number on this machine, for a table above."""
    entries = [entry.split() for entry in table.replace("\n", "").split(",")]
    return {entry[0]: int(entry[1 + ARM]) for entry in entries if entry[1 + ARM] != "-"}


def fatal_calls() -> list[tuple[str, int]]:
    """Name and number, on this machine, of every call that is an attack."""
    return list(calls(FATAL).items())


def denied_calls() -> list[tuple[str, int]]:
    """Name and number of every call that is told no."""
    return list(calls(DENIED).items())


def number(name: str) -> int:
    """The number of a call that is told apart by name."""
    return _NUMBERS[name][ARM]
