"""Writes the dashboards and the alert rules anew."""

from __future__ import annotations

from grafana.dashboards import FOLDER, written


def main() -> None:
    """Write each file into the package."""
    for name, content in written().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
