"""Other surroundings for a program, made inside its own process before the program runs.

The text of this file is put before the program (`gate.elsewhere`); nothing here is called in ours. The clock
reads another time; process, machine, locale and environment are other ones; and no module of C can be
imported but those that only calculate. What is replaced is gone, not kept inside its replacement, since a
program may look into a closure. Not hidden: what is read from memory by its address.
"""

# pyright: basic, reportAttributeAccessIssue=false, reportArgumentType=false, reportIndexIssue=false


def _no(*given, **named):
    raise OSError(1, "Operation not permitted")


def _halted(*given, **named):
    raise ImportError("no module of C can be imported here")


def _answer(value):
    return lambda *given, **named: value


def _calculators():
    """Import the modules of C that calculate and no more: later none can be."""
    names = (
        "array atexit binascii cmath math pyexpat unicodedata zlib _ast _bisect _blake2 _bz2 _contextvars "
        "_csv _decimal _heapq _json _locale _lzma _md5 _opcode _queue _random _sha1 _sha2 _sha256 "
        "_sha3 _sha512 _statistics _string _struct _suggestions _symtable _tokenize"
    )
    for name in names.split():
        try:
            __import__(name)
        except ImportError:
            continue  # of another version


def _concealed(function):
    """A function of one text, without a way to it: what `cmp_to_key` holds cannot be got back."""
    import functools

    text, fault, kind = str, BaseException, type

    class Said:
        def __init__(self, value):
            self.value = value

        def __lt__(self, other):
            return self.value

    def called(argument, _):
        # A text of the program's own class could see who calls its methods.
        if kind(argument) is not text:
            return Said(None)
        try:
            return Said((function(argument),))
        except fault:
            return Said(None)

    key = functools.cmp_to_key(called)

    def asked(argument):
        said = key(argument) < key(None)
        if said is None:
            raise FileNotFoundError(2, "No such file or directory", argument)
        return said[0]

    return asked


def _library():
    """Imports of the library go on, with a way of their own to its files and to nothing else."""
    import _io
    import importlib._bootstrap as bootstrap
    import importlib._bootstrap_external as external
    import posix
    import sys
    import types

    places = tuple(f"{place}/" for place in sys.path if place)

    def within(function):
        def found(path):
            if not f"{path}/".startswith(places) or ".." in path:
                raise FileNotFoundError
            return function(path)

        return _concealed(found)

    stat, listdir = within(posix.stat), within(posix.listdir)
    external._os = types.SimpleNamespace(
        stat=stat, listdir=listdir, fspath=posix.fspath, getcwd=_answer("/")
    )
    external._path_stat = stat
    external._io = types.SimpleNamespace(
        open_code=_io.FileIO,
        FileIO=_io.FileIO,
        BytesIO=_io.BytesIO,
        IncrementalNewlineDecoder=_io.IncrementalNewlineDecoder,
    )
    external.sys = types.SimpleNamespace(**vars(sys))

    # Where a module lies says on which machine it is.
    attributes = bootstrap._init_module_attrs

    def unplaced(spec, module, **named):
        attributes(spec, module, **named)
        for name in ("__file__", "__cached__"):
            vars(module).pop(name, None)
        return module

    bootstrap._init_module_attrs = unplaced
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            for name in ("__file__", "__cached__"):
                vars(module).pop(name, None)


def _outside():
    """Nothing else of C comes in; what is in and reaches outside is emptied."""
    import _imp
    import gc
    import sys

    for name in ("create_builtin", "create_dynamic", "exec_builtin", "exec_dynamic"):
        setattr(_imp, name, _halted)

    # A loaded library's functions are attributes that it got when they were first called.
    ctypes = sys.modules.get("ctypes")
    if ctypes:
        gc.unfreeze()  # else what was there before a fork is not listed
        for each in gc.get_objects():
            if type(each) is ctypes.CDLL:
                vars(each).clear()
        for name in ("__init__", "__getattr__", "__getitem__"):
            delattr(ctypes.CDLL, name)

    names = (
        "_ctypes _posixsubprocess _signal _socket ctypes ctypes._endian mmap resource select signal"
    )
    for name in names.split():
        if name in sys.modules:
            vars(sys.modules[name]).clear()
        sys.modules[name] = None
    sys.modules["_datetime"] = None  # the library's own, in Python, asks `time`


def _date(seconds):
    """Year, month, day, weekday, day of the year, counted from the first of March of the year 0."""
    days = int(seconds // 86400) + 719468
    era, day = divmod(days, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month += 3 if month < 10 else -9
    year += era * 400 + (month <= 2)

    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    before = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)[month - 1]
    return year, month, day + 1, (days - 719465) % 7, before + day + 1 + (leap and month > 2)


def _seconds(parts):
    """The way back: the second of the epoch at which a date and a time are."""
    year, month, day, hour, minute, second = tuple(parts)[:6]
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    era, of_era = divmod(year - (month <= 2), 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
    return float(days * 86400 + hour * 3600 + minute * 60 + second)


def _clock():
    """A clock that is three years on; each look at it takes a millisecond."""
    import time

    now = [time.time() + 1234 * 86400 + 7 * 3600 + 754]
    moment, strftime, date, seconds = time.struct_time, time.strftime, _date, _seconds

    def look(*given):
        now[0] += 0.001
        return now[0]

    def look_ns(*given):
        return int(look() * 10**9)

    def gmtime(at=None):
        at = int((look() if at is None else at) // 1)
        year, month, day, weekday, of_year = date(at)
        clock = at // 3600 % 24, at // 60 % 60, at % 60
        return moment((year, month, day, *clock, weekday, of_year, 0, "GMT", 0))

    def form_of(text):
        *parts, form = text.split(" ", 9)
        return strftime(form, tuple(map(int, parts)))

    shown = _concealed(form_of)

    def told(form, parts=None):
        parts = tuple(gmtime() if parts is None else parts)[:9]
        return shown(" ".join([*map(str, map(int, parts)), str(form)]))

    def asctime(parts=None):
        return told("%a %b %e %H:%M:%S %Y", parts)

    for name in (
        "time",
        "monotonic",
        "perf_counter",
        "process_time",
        "thread_time",
        "clock_gettime",
    ):
        setattr(time, name, look)
        setattr(time, f"{name}_ns", look_ns)
    time.gmtime = time.localtime = gmtime
    time.mktime, time.strftime, time.asctime = (lambda parts: seconds(parts)), told, asctime
    time.ctime = lambda at=None: asctime(gmtime(at))
    time.tzname, time.timezone, time.altzone = ("ELS", "ELS"), -20700, -20700
    time.tzset, time.clock_getres = _answer(None), _answer(0.5)
    time.get_clock_info = time.pthread_getcpuclockid = _no


def _process():
    """Another process, on another machine. Of the system's calls those stay that only name or calculate."""
    import _io
    import _thread
    import builtins
    import io
    import os
    import posix

    stays = (
        "DirEntry WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG "
        "_exit _path_normpath abort close closerange device_encoding dup dup2 error fspath get_blocking "
        "get_inheritable isatty kill lseek major makedev minor pipe pipe2 putenv read readv "
        "register_at_fork sched_param sched_yield set_blocking set_inheritable stat_result "
        "statvfs_result strerror terminal_size times_result uname_result unsetenv urandom getrandom "
        "waitid_result waitstatus_to_exitcode write writev"
    )
    values = {"getcwd": "/elsewhere", "getcwdb": b"/elsewhere", "cpu_count": 61, "umask": 63}
    values |= dict.fromkeys(("getpid", "getpgid", "getpgrp", "getsid"), 40961) | {"getppid": 2}
    values |= dict.fromkeys(("getuid", "geteuid", "getgid", "getegid"), 4711)
    values |= dict.fromkeys(("getresuid", "getresgid"), (4711, 4711, 4711)) | {"getgroups": [4711]}
    values |= {"getlogin": "elsewhere", "getpriority": 7, "sysconf": 61, "confstr": "elsewhere"}
    values |= {"getloadavg": (99.0, 98.0, 97.0), "sched_getaffinity": set(range(61))}
    values["times"] = os.times_result((1e4, 1e4, 1e4, 1e4, 1e8))
    values["uname"] = os.uname_result(("Elsewhere", "elsewhere", "1", "1", "elsewhere"))
    sizes = os.statvfs_result((4096, 4096, 77, 76, 75, 74, 73, 72, 0, 255))
    values |= {"statvfs": sizes, "fstatvfs": sizes}

    for name, old in list(vars(posix).items()):
        if name.startswith("__") or name in stays.split() or not callable(old):
            continue
        moved = _answer(values[name]) if name in values else _no
        for module in (posix, os):
            if name in vars(module):
                setattr(module, name, moved)

    os.environ.clear()
    posix.environ.clear()
    os.environ.update(HOME="/elsewhere", LANG="tr_TR.UTF-8", TZ="Asia/Kathmandu", ELSEWHERE="1")
    builtins.open = io.open = _io.open = io.FileIO = _io.FileIO = _no
    io.open_code = _io.open_code = _no
    _thread.get_native_id = _answer(40961)


def _interpreter():
    """Another interpreter, without a way to what others hold: frames, traces, the collector's lists."""
    import gc
    import sys
    import types

    parts = {"major": 3, "minor": 61, "micro": 0, "releaselevel": "final", "serial": 0}
    sys.version_info = type("version_info", (tuple,), parts)(parts.values())
    sys.version, sys.hexversion, sys.api_version = "elsewhere", 0x033D00F0, 61
    sys.executable = sys._base_executable = "/elsewhere/python"
    sys.prefix = sys.exec_prefix = sys.base_prefix = sys.base_exec_prefix = "/elsewhere"
    sys.path, sys.argv, sys.orig_argv = ["/elsewhere"], ["elsewhere.py"], ["elsewhere"]
    sys.implementation = types.SimpleNamespace(
        name="cpython", cache_tag="cpython-361", version=sys.version_info, hexversion=0x033D00F0
    )

    looks = ("_getframe", "_current_frames", "_current_exceptions", "settrace", "setprofile")
    for name in (*looks, "addaudithook"):
        delattr(sys, name)
    for name in ("get_objects", "get_referrers", "get_referents", "callbacks", "get_stats"):
        delattr(gc, name)


def _language():
    """Another locale; where the machine has but one, another is told."""
    import _locale
    import sys

    setlocale, here = _locale.setlocale, {}
    for category in (_locale.LC_CTYPE, _locale.LC_NUMERIC):
        name = "C.UTF-8" if setlocale(category) == "C" else "C"
        try:
            setlocale(category, name)
        except _locale.Error:
            here[category] = name
    if here:
        here[_locale.LC_ALL] = ";".join(here.values())

    def told(category, name=None):
        return here[category] if name is None and category in here else setlocale(category, name)

    _locale.setlocale = told
    if "locale" in sys.modules:
        sys.modules["locale"]._setlocale = told


def _elsewhere():
    for step in (_calculators, _clock, _library, _outside, _process, _interpreter, _language):
        step()
