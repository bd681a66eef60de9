"""A child process that wants to reach the API: `probe.py MODE URL`. Exits with 0 if it could.

It goes where the SDK would go, to the address itself as a library that minds proxies would, and, unless `polite`, over a
socket of its own.
"""

import os
import socket
import sys
import urllib.parse
import urllib.request

MODE, URL = sys.argv[1:]


def as_the_sdk(url: str) -> None:
    """Ask the address that the environment names."""
    parts = urllib.parse.urlsplit(url)
    base = os.environ.get("ANTHROPIC_BASE_URL", f"http://{parts.netloc}")
    urllib.request.urlopen(base + parts.path, timeout=60).read()


def by_a_library(url: str) -> None:
    """Ask the address itself, through whatever proxy there is."""
    urllib.request.urlopen(url, timeout=60).read()


def by_a_socket(url: str) -> None:
    """Ask the address itself."""
    parts = urllib.parse.urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), 5) as plain:
        plain.sendall(f"GET {parts.path} HTTP/1.0\r\n\r\n".encode())
        plain.recv(100)


REACHED = 0
for ask in [as_the_sdk, by_a_library, *([by_a_socket] if MODE == "rude" else [])]:
    try:
        ask(URL)
        REACHED += 1
    except OSError:
        pass
sys.exit(0 if REACHED else 3)
