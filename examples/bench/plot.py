"""The picture: bars, one panel a question, each against the peer that is 1."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from .contestants import CONTESTANTS
from .measures import Results
from .ratios import Spread, ratio, short

WIDTH, MARGIN, LABELS, NUMBERS = 760, 16, 250, 70
BAR, GAP, HEAD = 17, 5, 44

OURS, PEER, LIMIT, INK, FAINT = (
    "#2b6cb0",
    "#a0aec0",
    "#d69e2e",
    "#1a202c",
    "#718096",
)

# Title, measure, metric, the contestant that is 1, those shown.
PANELS: list[tuple[str, str, str, str, Sequence[str]]] = [
    (
        "Messages a second, one to one, 180 B, Unix"
        " (libzmq = 1; longer is better)",
        "unix-180", "rate", "zmq",
        (
            "go",
            "c-callback",
            "c-pull",
            "zmq",
            "nng",
            "nats",
            "raw-each",
            "raw-batch",
        ),
    ),
    (
        "Deliveries a second to 100 clients (libzmq = 1; longer is better)",
        "fan-100", "rate", "zmq",
        ("go", "c-callback", "zmq", "nng", "nats", "raw-batch"),
    ),
    (
        "Round trip on one core, p50 (libzmq = 1; shorter is better)",
        "trip-same", "p50", "zmq",
        ("go", "c-pull", "zmq", "nng", "nats", "raw-each"),
    ),
    (
        "Messages a second in Python, one to one"
        " (plain Python = 1; longer is better)",
        "python", "rate", "py-pure",
        ("py-message", "py-dict", "py-many", "py-pure", "py-zmq"),
    ),
]  # fmt: skip


def _colour(who: str) -> str:
    if who.startswith("raw"):
        return LIMIT
    return OURS if who in OUR_OWN else PEER


OUR_OWN = {"go", "c-callback", "c-pull", "py-message", "py-dict", "py-many"}


def label(
    x: float,
    y: float,
    text: str,
    size: int,
    colour: str,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"'
        f' text-anchor="{anchor}">{escape(text)}</text>'
    )


def _bar(y: float, scale: float, who: str, spread: Spread | None) -> list[str]:
    middle = y + BAR * 0.75
    left = MARGIN + LABELS
    parts = [label(left - 8, middle, CONTESTANTS[who].name, 13, INK, "end")]
    if spread is None:
        return [*parts, label(left, middle, "not measured", 12, FAINT)]
    length = spread.middle * scale
    parts.append(
        f'<rect x="{left}" y="{y:.1f}" width="{length:.1f}" height="{BAR}"'
        f' fill="{_colour(who)}"/>'
    )
    # Least and greatest, as a line through the bar's end.
    ends = left + spread.least * scale, left + spread.greatest * scale
    line = y + BAR / 2
    parts.append(
        f'<path d="M{ends[0]:.1f} {line:.1f}H{ends[1]:.1f}"'
        f' stroke="{INK}" stroke-width="1.5"/>'
    )
    parts.append(
        label(
            max(ends[1], left + length) + 6,
            middle,
            short(spread.middle),
            13,
            INK,
        )
    )
    return parts


def draw(results: Results) -> str:
    """The picture as SVG."""
    parts: list[str] = []
    y = float(MARGIN)
    for title, measure, metric, base, shown in PANELS:
        spreads = {
            who: ratio(results, measure, metric, who, base) for who in shown
        }
        longest = max((s.greatest for s in spreads.values() if s), default=1.0)
        scale = (WIDTH - 2 * MARGIN - LABELS - NUMBERS) / longest
        parts.append(label(MARGIN, y + 18, title, 15, INK))
        y += HEAD - 14
        top = y
        for who, spread in spreads.items():
            parts += _bar(y, scale, who, spread)
            y += BAR + GAP
        one = f"M{MARGIN + LABELS + scale:.1f} {top:.1f}V{y - GAP:.1f}"
        parts.append(
            f'<path d="{one}" stroke="{FAINT}" stroke-dasharray="3 3"/>'
        )
        y += 14
    height = y + MARGIN
    legend = (
        "blue: libsocket, with its envelope · grey: peers"
        " · yellow: raw sockets · line: least to greatest"
    )
    parts.append(label(MARGIN, y + 4, legend, 12, FAINT))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"'
        f' width="{WIDTH}" height="{height:.0f}"'
        f' viewBox="0 0 {WIDTH} {height:.0f}"'
        f' font-family="sans-serif" role="img"'
        ' aria-label="libsocket against its peers">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f"{''.join(parts)}</svg>\n"
    )
