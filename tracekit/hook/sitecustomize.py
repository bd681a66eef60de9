"""Start the recording or the replay in a child of `tracekit run` or `replay`, then load the next `sitecustomize`.

A process below a replay that is not replayed itself is closed.

The folder of this file comes first on the path that the process is given, and leaves it here, so that the program sees
the path that it would have without us.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys


def _leave_path() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  pathlib is not loaded yet
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]  # noqa: PTH100


def _start_recording() -> None:
    try:
        from tracekit.configure import init  # noqa: PLC0415  loaded only here
    except ImportError as error:
        sys.stderr.write(
            f"tracekit: {sys.executable} cannot import tracekit, so this process is not recorded ({error}); "
            "install it there: pip install tracekit-agents\n"
        )
        return
    init()


def _start_replay() -> None:
    try:
        from tracekit.replayer.child import start  # noqa: PLC0415  loaded only here
    except ImportError as error:
        sys.stderr.write(
            f"tracekit: {sys.executable} cannot import tracekit, so nothing can be replayed in this process, and its "
            f"requests are blocked ({error}); install it there: pip install tracekit-agents\n"
        )
        return
    start()


def _close() -> None:
    try:
        from tracekit.replayer.closed_child import start  # noqa: PLC0415  loaded only here
    except ImportError:
        # Another Python, whose environment leads nowhere all the same.
        return
    start()


def _next_sitecustomize() -> None:
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_leave_path()
if os.environ.get("TRACEKIT_REPLAY"):
    _start_replay()
elif os.environ.get("TRACEKIT_CLOSED"):
    _close()
elif os.environ.get("TRACEKIT_SESSION"):
    _start_recording()
_next_sitecustomize()
