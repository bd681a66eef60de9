"""Writes the dashboards' JSON anew."""

from __future__ import annotations

from grafana.dashboards import FOLDER, as_json, dashboards


def main() -> None:
    """Write each dashboard beside its code."""
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(as_json(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
