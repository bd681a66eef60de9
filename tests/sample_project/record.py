"""Makes the recordings of the sample project anew: `python -m tests.sample_project.record` in the repository's folder."""

import os
import subprocess
import sys
from pathlib import Path

from tests.sample_project.claude import claude


def main() -> int:
    """Run the tests with ``--tracekit-record=all``."""
    with claude() as server:
        environment = {**os.environ, "ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "test", "NO_PROXY": "*"}
        options = ["-q", "-p", "no:cacheprovider", "--tracekit-record=all", "--snapshot-update"]
        command = [sys.executable, "-m", "pytest", *options]
        return subprocess.run(command, cwd=Path(__file__).parent, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
