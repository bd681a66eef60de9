"""Records until it is stopped: `joining.py RUN-AS-JSON NAME`, one more step for each line on stdin.

It answers each line once the step has ended; `open` leaves a step open, `end` ends the program in good order.
"""

import sys

from tracekit import __version__
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.recorder import Recorder, install
from tracekit.instrument.scopes import agent, tool
from tracekit.journal.writer import JournalSink
from tracekit.model.run import Session


def main() -> None:
    """Do what stdin says."""
    session, name = Session.loads(sys.argv[1]), sys.argv[2]
    install(Recorder(JournalSink({"tracekit": __version__}), AnchoredClock(), session))
    with agent(name):
        for line in sys.stdin:
            if line.strip() == "end":
                return
            if line.strip() == "open":
                tool(name).__enter__()
            else:
                with tool(name, input=line.strip()):
                    pass
            print("done", flush=True)


if __name__ == "__main__":
    main()
