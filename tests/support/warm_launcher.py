"""Starts a program as a fork of the warm process, and stands for it: its streams, signals and exit code."""

# ruff: noqa: PTH109, PTH113, PTH118, PTH120, PTH208  pathlib takes longer to import than all else that is done here

import os
import signal
import socket
import sys

_COLD_OPTIONS = ("-I", "-E", "-S", "-s", "-i", "-O", "-X", "-P", "-b", "-B", "-v", "-V", "-h", "--")
_COLD_VARIABLES = (
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONOPTIMIZE",
    "PYTHONDEVMODE",
    "PYTHONSAFEPATH",
    "PYTHONIOENCODING",
)
_HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def is_cold(arguments: list[str]) -> bool:
    """Return whether only a new interpreter can do it: options and streams that a fork cannot take over."""
    first = next((each for each in arguments if not each.startswith("-W") and each != "-u"), "")
    has_program = first in ("-c", "-m") or (first and not first.startswith("-") and os.path.isfile(first))
    if not has_program or any(os.environ.get(name) for name in _COLD_VARIABLES):
        return True
    return any(int(number) > 2 and _is_open(int(number)) for number in os.listdir("/dev/fd"))


def _is_open(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:  # the one by which the folder was listed
        return False


def main() -> None:
    """Hand the program over, and wait for its end."""
    arguments = sys.argv[1:]
    if is_cold(arguments):
        os.execv(sys.executable, [sys.executable, *arguments])
    connection = socket.socket(socket.AF_UNIX)
    name = "commands" if arguments[:2] == ["-m", "tracekit"] else "programs"
    connection.connect(os.path.join(os.path.dirname(sys.argv[0]), name))
    environment = [part for pair in os.environb.items() for part in pair]
    fields = [b"%d" % os.umask(0o077), os.getcwdb(), os.fsencode(sys.argv[0]), b"%d" % len(arguments)]
    data = b"\0".join([*fields, *map(os.fsencode, arguments), *environment])
    socket.send_fds(connection, [len(data).to_bytes(8, "little")], [0, 1, 2])
    connection.sendall(data)
    for number in _HANDED_ON:
        signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
    status = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "little")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
