"""The axis of time, with round steps, counted from the run's begin."""

from __future__ import annotations

from tracekit_viewer.render.window import Window

__all__ = ["axis_line", "grid_of", "tick_step"]

_SECOND = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3600 * _SECOND, 86_400 * _SECOND
_STEPS = (
    *(digit * int(10**power) for power in range(9) for digit in (1, 2, 5)),
    *(seconds * _SECOND for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(digit * int(10**power) * _DAY for power in range(6) for digit in (1, 2, 5)),
)
_LEAST_CELLS = 8


def tick_step(window: Window, width: int) -> int:
    """The nanoseconds between two ticks on `width` cells, so that each has room for its label."""
    for step in _STEPS:
        cells = step * width / window.length_ns
        if cells >= max(_LEAST_CELLS, _digits(step) + 7):
            return step
    return _STEPS[-1]


def grid_of(window: Window, origin_ns: int, width: int) -> tuple[int, ...]:
    """The cells of the ticks of `window` on `width` cells, except the first."""
    if width <= 0:
        return ()
    step = tick_step(window, width)
    first = origin_ns - (origin_ns - window.start_ns) // step * step
    columns = (window.position(at, width) for at in range(first, window.end_ns + 1, step))
    return tuple(column for column in columns if 0 < column < width)


def axis_line(window: Window, origin_ns: int, width: int) -> str:
    """The ticks and labels of `window` on `width` cells; labels tell the time since `origin_ns`."""
    step = tick_step(window, width)
    line = [" "] * width
    at = origin_ns - (origin_ns - window.start_ns) // step * step
    while at <= window.end_ns:
        column = window.position(at, width)
        label = f"│{_label(at - origin_ns, step)}"
        if 0 <= column <= width - len(label):
            line[column : column + len(label)] = label
        at += step
    return "".join(line)


def _label(ns: int, step: int) -> str:
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    if ns == 0:
        return "0"
    if step >= _DAY:
        return f"{sign}{ns // _DAY} d"
    if step >= _MINUTE:
        hours, minutes = divmod(ns // _MINUTE, 60)
        return sign + (f"{hours} h {minutes:02d}" if hours else f"{minutes} m")
    minutes, rest = divmod(ns, _MINUTE)
    digits = _digits(step)
    if minutes:
        return f"{sign}{minutes}:{rest / _SECOND:0{digits + 3 if digits else 2}.{digits}f}"
    if rest < _SECOND and step >= _SECOND // 1000:
        return f"{sign}{rest // 1_000_000} ms"
    return f"{sign}{rest / _SECOND:.{digits}f} s"


def _digits(step: int) -> int:
    """Return the number of decimals that a step in seconds needs."""
    digits = 0
    while step < _SECOND and digits < 9:
        step, digits = step * 10, digits + 1
    return digits
