from tests.support.recording import _frozen, either, home, recording

__all__ = ["_frozen", "either", "home", "recording"]
