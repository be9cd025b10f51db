"""Makes a Python one of another system, as far as chainrule can see: what that system does not have
is hidden. The standard library, which needs some of it where the tests really run, keeps its view.
"""

from __future__ import annotations

import ctypes  # noqa: F401  imported before the system changes
import multiprocessing.util
import os
import platform  # noqa: F401
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from types import ModuleType

import numpy as np  # noqa: F401

sysconfig.get_config_vars()  # those of the system that this really is
NOT_ON_WINDOWS = {
    os: ("fork", "killpg", "setsid", "geteuid", "getuid", "sched_getaffinity", "fchmod"),
    signal: (
        *("SIGKILL", "SIGPROF", "SIGXCPU", "SIGHUP", "SIGPIPE", "SIGALRM"),
        *("setitimer", "ITIMER_PROF", "ITIMER_REAL"),
    ),
}
NOT_ON_MACOS = {os: ("sched_getaffinity",)}
LOOKS_AT_THE_SYSTEM = ("threadpoolctl",)  # for libraries where it would have them
OF_LINUX = ("py_landlock", "pyseccomp")
OF_UNIX = ("resource", "fcntl", "pwd", "grp", "termios", "pty", *OF_LINUX)


def become(system: str) -> None:
    """Hide what "windows" or "macos" does not have."""
    is_windows = system == "windows"
    for module, names in (NOT_ON_WINDOWS if is_windows else NOT_ON_MACOS).items():
        _keep_whole_for_the_standard_library(module)
        for name in names:
            del vars(module)[name]
    for name in (*LOOKS_AT_THE_SYSTEM, *(OF_UNIX if is_windows else OF_LINUX)):
        sys.modules[name] = None  # so that importing it fails
    sys.platform = "win32" if is_windows else "darwin"


def _keep_whole_for_the_standard_library(module: ModuleType) -> None:
    whole = ModuleType(module.__name__)
    vars(whole).update(vars(module))
    for user in (subprocess, multiprocessing.util, tempfile, shutil):
        if hasattr(user, module.__name__):
            setattr(user, module.__name__, whole)
