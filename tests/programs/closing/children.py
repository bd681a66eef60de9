"""Ways in which a program starts another that wants to reach the API."""

import asyncio
import concurrent.futures
import ctypes
import multiprocessing
import os
import pty
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests.programs.closing.connections import WAYS, Live, send, way

PROBE: Final = str(Path(__file__).with_name("probe.py"))
SDK: Final = (
    "import anthropic, sys; anthropic.Anthropic(max_retries=0, api_key='key')"
    ".post('/way/' + sys.argv[1], body={}, cast_to=object)"
)
STATIC: Final = r"""
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(0x7f000001)};
  int plain = socket(AF_INET, SOCK_STREAM, 0);
  char answer[100];
  if (connect(plain, (struct sockaddr *)&to, sizeof to)) return 3;
  if (write(plain, argv[2], strlen(argv[2])) < 0) return 3;
  return read(plain, answer, sizeof answer) < 0;
}
"""


def probe(live: Live, *flags: str, mode: str = "rude") -> list[str]:
    """The command of a Python that wants to reach the API."""
    return [sys.executable, *flags, PROBE, mode, live.url]


def shell(live: Live, *flags: str) -> str:
    """The same, for a shell."""
    return shlex.join(probe(live, *flags))


def wait(pid: int) -> None:
    os.waitpid(pid, 0)


# ── subprocess ───────────────────────────────────────────────────────────────────────────────────────────────────────

WAYS |= {
    "subprocess.run": lambda live: subprocess.run(probe(live), check=False),
    "subprocess, through a shell": lambda live: subprocess.run(shell(live), shell=True, check=False),
    "subprocess, env by position": lambda live: subprocess.Popen(
        probe(live), -1, None, None, None, None, None, True, False, None, dict(os.environ)
    ).wait(),
    "subprocess, env={}": lambda live: subprocess.run(probe(live), env={}, check=False),
    "subprocess, env with the API's address": lambda live: subprocess.run(
        probe(live),
        env={**os.environ, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{live.port}", "NO_PROXY": "*"},
        check=False,
    ),
    "python -I": lambda live: subprocess.run(probe(live, "-I", mode="polite"), check=False),
    "python -E": lambda live: subprocess.run(probe(live, "-E", mode="polite"), check=False),
    "python -S": lambda live: subprocess.run(probe(live, "-S", mode="polite"), check=False),
    "python -I, a socket of its own": lambda live: subprocess.run(probe(live, "-I"), check=False),
    "a process of a process": lambda live: subprocess.run(
        [sys.executable, "-c", "import os, sys; os.system(sys.argv[1])", shell(live)], check=False
    ),
    "the SDK, by subprocess": lambda live: subprocess.run(
        [sys.executable, "-c", SDK, live.name], check=False, stderr=subprocess.DEVNULL
    ),
    "the SDK, by os.system": lambda live: os.system(
        f"{shlex.join([sys.executable, '-c', SDK, live.name])} 2>/dev/null"
    ),
    "curl": lambda live: tool(["curl", "-s", "-m", "5", live.url]),
    "wget": lambda live: tool(["wget", "-q", "-t", "1", "-T", "5", "-O", "-", live.url]),
    "curl --noproxy": lambda live: tool(["curl", "-s", "--noproxy", "*", live.url]),
    "env -i": lambda live: os.system(f"env -i {shell(live)}"),
    "unset in a shell": lambda live: subprocess.run(f"unset http_proxy; curl -s {live.url}", shell=True, check=False),
    "sudo": lambda live: tool(["sudo", "-n", *probe(live)]),
}


def tool(command: list[str]) -> None:
    """Run a program of the machine, if it is there."""
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


@way("a script that clears its environment")
def _(live: Live) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.sh"
        script.write_text(f"exec env -i {shell(live)}\n", encoding="utf-8")
        subprocess.run(["/bin/sh", str(script)], check=False)


@way("a static program, a socket of its own")
def _(live: Live) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "static.c", Path(folder) / "static"
        source.write_text(STATIC, encoding="utf-8")
        subprocess.run(["gcc", "-static", "-o", str(made), str(source)], check=True)
        subprocess.run([str(made), str(live.port), live.line.decode()], check=False)


# ── os ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

WAYS |= {
    "os.system": lambda live: os.system(shell(live)),
    "os.popen": lambda live: os.popen(shell(live)).read(),
    "os.posix_spawn": lambda live: wait(os.posix_spawn(sys.executable, probe(live), os.environ)),
    "os.posix_spawnp": lambda live: wait(os.posix_spawnp(sys.executable, probe(live), dict(os.environ))),
    "os.spawnv": lambda live: os.spawnv(os.P_WAIT, sys.executable, probe(live)),
    "os.spawnve": lambda live: os.spawnve(os.P_WAIT, sys.executable, probe(live), dict(os.environb)),
    "os.spawnlp": lambda live: os.spawnlp(os.P_WAIT, sys.executable, *probe(live)),
    "fork + execv": lambda live: in_a_fork(lambda: os.execv(sys.executable, probe(live))),
    "fork + execve": lambda live: in_a_fork(lambda: os.execve(sys.executable, probe(live), dict(os.environ))),
    "fork + execvpe": lambda live: in_a_fork(lambda: os.execvpe(sys.executable, probe(live), {"PATH": "/bin"})),
    "fork": lambda live: in_a_fork(lambda: send("127.0.0.1", live)),
    "pty.spawn": lambda live: pty.spawn(probe(live), lambda _: b"", lambda _: b""),
}


def in_a_fork(body: Callable[[], Any]) -> None:
    """Run `body` in a fork, and wait for its end."""
    pid = os.fork()
    if not pid:
        try:
            body()
        finally:
            os._exit(3)
    wait(pid)


@way("a variable that the program sets")
def _(live: Live) -> None:
    before = dict(os.environ)
    os.environ |= {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{live.port}", "NO_PROXY": "*", "no_proxy": "*"}
    try:
        os.system(shlex.join(probe(live, "-I", mode="polite")))
    finally:
        os.environ.clear()
        os.environ.update(before)


@way("pty.fork + exec")
def _(live: Live) -> None:
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, probe(live))
    wait(pid)
    os.close(terminal)


@way("posix_spawn, looked up before the replay")
def _(live: Live) -> Iterator[None]:
    start = os.posix_spawn
    yield
    wait(start(sys.executable, probe(live), dict(os.environ)))


@way("ctypes: posix_spawn")
def _(_live: Live) -> None:
    assert ctypes.CDLL(None).posix_spawn is not None


@way("a sub-interpreter")
def _(live: Live) -> None:
    interpreters = import_module("_xxsubinterpreters" if sys.version_info < (3, 13) else "_interpreters")
    made = interpreters.create()
    code = (
        f"import socket; s = socket.create_connection(('127.0.0.1', {live.port})); s.sendall({live.line!r}); s.recv(9)"
    )
    try:
        interpreters.run_string(made, code)
    finally:
        interpreters.destroy(made)


@way("pexpect")
def _(live: Live) -> None:
    command = probe(live)
    child = import_module("pexpect").spawn(command[0], command[1:], timeout=60)
    child.expect(import_module("pexpect").EOF)
    child.close()


@way("asyncio.create_subprocess_exec")
def _(live: Live) -> None:
    async def main() -> None:
        await (await asyncio.create_subprocess_exec(*probe(live))).wait()

    asyncio.run(main())


@way("asyncio.create_subprocess_shell")
def _(live: Live) -> None:
    async def main() -> None:
        await (await asyncio.create_subprocess_shell(shell(live))).wait()

    asyncio.run(main())


# ── multiprocessing ──────────────────────────────────────────────────────────────────────────────────────────────────


def try_to_send(live: Live) -> bool:
    """Return whether the request could be sent. A worker that dies of it would be waited for."""
    try:
        send("127.0.0.1", live)
    except BaseException:  # noqa: BLE001  a divergence is one
        return False
    return True


def _in_a_process(method: str) -> Callable[[Live], None]:
    def run(live: Live) -> None:
        process: Any = multiprocessing.get_context(method).Process(target=try_to_send, args=(live,))  # type: ignore[attr-defined]
        process.start()
        process.join()

    return run


WAYS |= {f"multiprocessing, {method}": _in_a_process(method) for method in ("fork", "spawn", "forkserver")}


@way("multiprocessing.Pool")
def _(live: Live) -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.apply(try_to_send, (live,))


@way("ProcessPoolExecutor")
def _(live: Live) -> None:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(try_to_send, live).result()


@way("joblib's loky")
def _(live: Live) -> None:
    pool = import_module("loky").get_reusable_executor(max_workers=1)
    pool.submit(try_to_send, live).result()
    pool.shutdown(wait=True, kill_workers=True)
