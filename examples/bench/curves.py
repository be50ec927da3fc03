"""The second picture: how cost grows, a panel each axis, both scales
logarithmic. What is least of libsocket in a panel is 1."""

import math
from collections.abc import Callable
from xml.sax.saxutils import escape

from .contestants import CONTESTANTS
from .growth import AXES, Axis
from .measures import Results
from .plot import FAINT, INK, LIMIT, OURS, PEER, label
from .ratios import figures, short

WIDTH, HEIGHT, COLUMNS = 380, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 46, 96, 36, 30

COLOURS = {"go": OURS, "zmq": PEER, "raw-batch": LIMIT}

Points = list[tuple[float, float]]


def _points(results: Results, axis: Axis, who: str) -> Points:
    """The least that each value took in any round: what it costs when nothing
    else happens."""
    found = []
    for value in axis.values:
        cpu = figures(results, axis.measure(value), "cpu", who)
        known = [figure for figure in cpu if figure]
        if known:
            found.append((float(value), min(known)))
    return found


def _scale(
    least: float, most: float, start: float, end: float
) -> Callable[[float], float]:
    low, high = math.log10(least), math.log10(most)
    step = (end - start) / ((high - low) or 1)
    return lambda figure: start + (math.log10(figure) - low) * step


def _number(value: float) -> str:
    for unit, name in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if value >= unit and value % unit == 0:
            return f"{value / unit:.0f} {name}"
    return f"{value:.0f}"


def _panel(results: Results, axis: Axis, left: float, top: float) -> list[str]:
    parts = [label(left + 8, top + 20, axis.title, 14, INK)]
    lines = {who: _points(results, axis, who) for who in axis.who}
    ours = [cpu for _, cpu in lines.get("go", [])]
    everything = [cpu for line in lines.values() for _, cpu in line]
    if not ours:
        return [
            *parts,
            label(left + LEFT, top + 60, "not measured", 12, FAINT),
        ]
    one = min(ours)
    bottom, edge = top + HEIGHT - BOTTOM, left + WIDTH - RIGHT
    x = _scale(axis.values[0], axis.values[-1], left + LEFT, edge)
    y = _scale(min(everything), max(*everything, 2 * one), bottom, top + TOP)
    parts += [
        label(x(value), bottom + 16, _number(value), 11, FAINT, "middle")
        for value in axis.values[::2]
    ]
    for times in (1, 10, 100, 1000):
        if min(everything) <= one * times <= max(everything):
            at = y(one * times)
            parts.append(
                label(left + LEFT - 6, at + 4, str(times), 11, FAINT, "end")
            )
            parts.append(
                f'<path d="M{left + LEFT} {at:.1f}H{edge}" stroke="{FAINT}"'
                ' stroke-dasharray="2 4"/>'
            )
    for who, line in lines.items():
        parts += _line([(x(v), y(cpu)) for v, cpu in line], COLOURS[who])
        if line:
            value, cpu = line[-1]
            name = CONTESTANTS[who].name.partition(",")[0]
            text = f"{name} {short(cpu / one)}"
            parts.append(
                label(x(value) + 6, y(cpu) + 4, text, 10, COLOURS[who])
            )
    return parts


def _line(points: Points, colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
        for x, y in points
    ]
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}"'
        ' stroke-width="2"/>',
        *dots,
    ]


def draw_growth(results: Results) -> str:
    """The picture as SVG."""
    parts: list[str] = []
    for number, axis in enumerate(AXES):
        row, column = divmod(number, COLUMNS)
        parts += _panel(results, axis, column * WIDTH, row * HEIGHT)
    rows = -(-len(AXES) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"'
        f' width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}"'
        f' font-family="sans-serif" role="img"'
        f' aria-label="{escape("how cost grows")}">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}</svg>\n"
    )
