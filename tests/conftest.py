from tests.support.recording import _frozen, either, home, recording

collect_ignore = ["sample_project"]
"""A user's project, whose tests `test_pytest_plugin.py` runs."""

__all__ = ["_frozen", "either", "home", "recording"]
