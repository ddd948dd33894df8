"""The process in which a model's code predicts: it has the inputs, and as little else as the platform allows.

Run by :mod:`assay.gate.confined` as a script of its own. It reads one line of JSON and an Arrow stream from stdin, shuts
itself in, writes one line of JSON that says how far, then runs the model and writes its answers as an Arrow stream.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

# linux/sched.h, linux/mount.h, linux/prctl.h, asm/unistd.h
NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
LAST_CAPABILITY = 63


def shut_in(hide: list[str], scratch: str) -> dict[str, bool]:
    """Leave the network, the other processes and the writable files behind; say which of it the platform allowed.

    Must be called by a process with one thread. The process that returns is another one than the caller, which waits
    for it and ends with its code.
    """
    got = {"network": False, "processes": False, "files": False}
    if sys.platform != "linux":
        return got
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    apart = NEW_MOUNTS | NEW_IPC | NEW_PROCESSES | NEW_NETWORK
    # With a user namespace no rights are needed; where it is forbidden, root can do without one.
    if libc.unshare(NEW_USER | apart) == 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    elif libc.unshare(apart) != 0:
        return got
    got["network"] = True
    _become_first(libc)
    got["files"] = _close_files(libc, hide, scratch)
    proc = libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV, None) == 0
    # A container may forbid a new /proc: then better none than the one in which the judge is seen.
    got["processes"] = proc or libc.mount(b"none", b"/proc", b"tmpfs", MS_RDONLY, None) == 0
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    return got


def _become_first(libc: Any) -> None:
    """Go on as the first process of the new namespace; when it ends, all that it started ends."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _close_files(libc: Any, hide: list[str], scratch: str) -> bool:
    """Make every file read-only, put an empty folder in memory where one may write, and hide what is the judge's."""
    done = libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    done &= libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, attributes, 32) == 0
    for place in (scratch, "/dev/shm"):
        if Path(place).is_dir():
            done &= libc.mount(b"none", place.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=700") == 0
    for place in hide:
        path = place.encode()
        if Path(place).is_dir():
            done &= libc.mount(b"none", path, b"tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, None) == 0
        elif Path(place).exists():
            done &= libc.mount(b"/dev/null", path, None, MS_BIND, None) == 0
    return bool(done)


def _answers(task: dict[str, Any], frame: Any) -> Any:
    """Ask the model: a callable of the project, or a stored model that follows the inputs on stdin."""
    import numpy as np
    import pyarrow as pa

    if "code" in task:
        module, _, name = task["code"].partition(":")
        sys.path.insert(0, task["root"])
        return pa.table({"prediction": pa.array(np.asarray(getattr(importlib.import_module(module), name)(frame)))})
    from assay.tracking.formats import load

    model = load(bytes.fromhex(task["package"]))
    predicted, probability = model.answer(frame[[c for c in model.signature["inputs"] if c in frame.columns]])
    columns = {"prediction": pa.array(predicted)}
    if model.classes is not None and len(model.classes) == 2 and probability is not None:
        columns["score"] = pa.array(probability[:, 1])
        columns["positive"] = pa.array([model.classes[1]] * len(predicted))
    return pa.table(columns)


def main() -> None:
    """Read the task, shut in, answer."""
    task = json.loads(sys.stdin.buffer.readline())
    given = sys.stdin.buffer.read()
    got = shut_in(task["hide"], task["scratch"])
    # What the code prints goes nowhere: it must not reach those who see the judge's output.
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    out.write(json.dumps(got).encode() + b"\n")
    out.flush()
    import pyarrow as pa

    with pa.ipc.open_stream(given) as reader:
        frame = reader.read_pandas()
    table = _answers(task, frame)
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    out.flush()
    # Threads and exit handlers of the code have nothing more to say.
    os._exit(0)


if __name__ == "__main__":
    main()
