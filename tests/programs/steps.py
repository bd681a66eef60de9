"""A program that records a few spans and makes no calls: `steps.py COUNT`."""

import sys

import tracekit

if __name__ == "__main__":
    tracekit.init()
    with tracekit.run("steps"), tracekit.agent("lead"):
        for number in range(int(sys.argv[1])):
            with tracekit.tool("step", input={"number": number, "text": "x" * 5_000}):
                pass
