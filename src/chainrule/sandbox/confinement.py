"""What a worker gives up before it runs code that nobody here has written.

Limits of memory, time, files and their size hold where the system has them, as every Unix does. On
Linux, Landlock (through py-landlock) takes away all files but those that are named, and seccomp
(through pyseccomp) the system calls by which a process starts others, reaches them, or opens a
network. Both are kept until the process ends, whatever runs in it. Where the kernel or a library
does not offer one, the worker runs without it, and says so.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from chainrule.sandbox.limits import MEGABYTE, Limits

T = TypeVar("T")
Apply = Callable[[], bool]

CLONE_THREAD = 0x10000

# What `seccomp` refuses, by what it would serve.
REFUSED = {
    "processes": ("fork", "vfork", "execve", "execveat", "unshare", "setns"),
    "other processes": (
        *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "tkill"),
        *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
        *("setpriority", "sched_setscheduler", "sched_setparam", "sched_setattr", "ioprio_set"),
        *("sched_setaffinity", "migrate_pages", "move_pages"),
    ),
    "network": ("socket", "socketpair", "io_uring_setup", "io_uring_enter", "io_uring_register"),
    "shared memory": (
        *("shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop"),
        *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "memfd_create"),
        "memfd_secret",
    ),
    "owners and dates of files": (  # which Landlock does not see
        *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
        *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr"),
        *("removexattr", "lremovexattr", "fremovexattr", "setxattrat", "removexattrat"),
        *("open_by_handle_at", "file_setattr"),
    ),
    "the system": (
        *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen"),
        *("fsconfig", "fsmount", "fspick", "mount_setattr", "swapon", "swapoff", "reboot"),
        *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf"),
        *("perf_event_open", "userfaultfd", "fanotify_init", "quotactl", "acct", "syslog"),
        *("add_key", "request_key", "keyctl", "sethostname", "setdomainname", "settimeofday"),
        *("clock_settime", "clock_adjtime", "adjtimex", "vhangup", "iopl", "ioperm", "personality"),
    ),
}
NEW = {  # numbers, the same on every processor, of calls that older libraries have no name for
    "process_madvise": 440,
    "mount_setattr": 442,
    "memfd_secret": 447,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "file_setattr": 469,
}
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/fonts", "/sys/devices/system/cpu")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo", "/dev/urandom")
DEVICES = ("/dev/null", "/dev/zero")
LIBRARIES = ("py_landlock", "pyseccomp")


@dataclass
class Confinement:
    """What holds, and what does not.

    Args:
        enforced: "memory", "time", "files", "processes", "network", …
        missing: what is not, each with the reason.
    """

    enforced: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def attempt(self, what: Iterable[str], step: Callable[[], T]) -> T | None:
        """Take a step; where this system does not allow it, note what is missing without it."""
        try:
            return step()
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            self.missing += [f"{each} ({error})" for each in what]
            return None


def confine(limits: Limits, readable: Iterable[Path], scratch: Path) -> Confinement:
    """Give up for good what code in a sandbox has no use for.

    Args:
        readable: the folders and files that may be read, besides Python and its packages.
        scratch: the folder that may be written to.
    """
    found = Confinement()
    _limit_use(limits, found)
    steps: dict[tuple[str, ...], Callable[[], Apply]] = {
        ("files",): lambda: _file_rules(readable, scratch),
        tuple(REFUSED): _call_rules,
    }
    ready = {what: found.attempt(what, prepare) for what, prepare in steps.items()}
    for what, apply in ready.items():  # only now: preparing takes files and processes itself
        if apply is not None and found.attempt(what, apply):
            found.enforced += what
    return found


def import_libraries() -> None:
    """Import ahead of time what `confine` needs; it will say itself what is missing."""
    for name in LIBRARIES:
        with suppress(ImportError, OSError, RuntimeError):
            importlib.import_module(name)


def _limit_use(limits: Limits, found: Confinement) -> None:
    """Limit what the system can limit: Windows nothing, macOS no memory."""
    for name, most, what in (
        ("RLIMIT_AS", limits.megabytes * MEGABYTE, "memory"),
        ("RLIMIT_CPU", int(limits.seconds) + 5, "time"),  # a last net: the worker has a timer
        ("RLIMIT_FSIZE", limits.written * MEGABYTE, "size of files"),
        ("RLIMIT_NOFILE", limits.open_files, None),
        ("RLIMIT_CORE", 0, None),
    ):
        told = [] if what is None else [what]
        if found.attempt(told, partial(_limit, name, most)):
            found.enforced += told


def _limit(name: str, most: int) -> bool:
    """Set one of the system's limits, or keep one that is lower."""
    import resource

    kind = getattr(resource, name)
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))
    return True


def _file_rules(readable: Iterable[Path], scratch: Path) -> Apply:
    """Python, its packages and `readable` may be read, and `scratch` written to: nothing else."""
    from py_landlock import AccessFs, Landlock

    rules = Landlock(strict=False)
    for path in {*_python_folders(), *map(Path, (*SYSTEM, *SYSTEM_FILES)), *readable}:
        if path.is_dir():
            rules.allow_read(path)
        elif path.exists():
            rules.add_path_rule(path, access=AccessFs.READ_FILE)
    for device in map(Path, DEVICES):
        rules.add_path_rule(device, access=AccessFs.READ_FILE | AccessFs.WRITE_FILE)
    rules.allow_read_write(scratch)

    def apply() -> bool:
        rules.apply()
        return True

    return apply


def _python_folders() -> set[Path]:
    """Where Python and its packages lie."""
    installed = map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    return {Path(each).resolve() for each in (*installed, *sys.path) if each}


def _call_rules() -> Apply:
    """Nothing of `REFUSED`, and no signals or limits for other processes."""
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for names in REFUSED.values():
        for name in names:
            try:
                rules.add_rule(refuse, NEW.get(name, name))
            except (OSError, ValueError):  # not a call of this processor, or newer than the library
                continue
    own = os.getpid()
    for name in ("kill", "tgkill"):
        rules.add_rule(refuse, name, seccomp.Arg(0, seccomp.NE, own))
    rules.add_rule(refuse, "prlimit64", seccomp.Arg(0, seccomp.GT, 0))  # 0 is this one itself
    no_thread = seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_THREAD, 0)
    rules.add_rule(refuse, "clone", no_thread)
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # so that threads begin with clone

    def apply() -> bool:
        rules.load()
        return True

    return apply
