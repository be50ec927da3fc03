"""Checks what the Markdown pages point at.

Every relative link leads to a file, and to a heading of it if it names one;
every path of this tree in code marks exists; every `make target` is one.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOP = ("socket", "capi", "include", "bindings", "examples", "docs", ".ci")
PAGES = [
    *ROOT.glob("*.md"),
    *(page for name in TOP for page in sorted((ROOT / name).glob("**/*.md"))),
]

FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(
    r"\[[^\]]*\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE
)
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(
    rf"(?:{'|'.join(re.escape(name) for name in TOP)})/[\w./*{{}},-]*"
)
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)\b")
HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*$", re.MULTILINE)


def blank(match: re.Match[str]) -> str:
    """Keeps the line numbers of what follows."""
    return "\n" * match[0].count("\n")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, the second of a name numbered."""
    seen: dict[str, int] = {}
    found = set()
    for heading in HEADING.findall(FENCE.sub(blank, page.read_text())):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def make_targets() -> set[str]:
    text = "".join(
        p.read_text()
        for p in (ROOT / "Makefile", *(ROOT / ".ci").glob("*.mk"))
    )
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def check_link(page: Path, target: str) -> str | None:
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    if not file.exists():
        return f"link to {name}, which is not there"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return f"link to {target}, which has no such heading"
    return None


def check_path(text: str) -> str | None:
    match = PATH.fullmatch(text)
    if not match:
        return None
    # `socket/unix*.go` and `examples/{a,b}` stand for several.
    if any(mark in text for mark in "*{"):
        patterns = [re.sub(r"\{[^}]*\}", "*", text)]
        return (
            None
            if any(list(ROOT.glob(p)) for p in patterns)
            else f"no file matches {text}"
        )
    return None if (ROOT / text).exists() else f"{text} is not there"


def problems(page: Path, targets: set[str]) -> Iterator[tuple[int, str]]:
    whole = page.read_text()
    prose = FENCE.sub(blank, whole)

    def line(text: str, offset: int) -> int:
        return text.count("\n", 0, offset) + 1

    for match in LINK.finditer(prose):
        if problem := check_link(page, match[1] or match[2]):
            yield line(prose, match.start()), problem
    for match in CODE.finditer(prose):
        if problem := check_path(match[1]):
            yield line(prose, match.start()), problem
    # A command counts inside code marks and code blocks; "make sure" is prose.
    for block in (*FENCE.finditer(whole), *CODE.finditer(prose)):
        text = whole if block.re is FENCE else prose
        for match in MAKE.finditer(block[0]):
            if match[1] not in targets:
                at = line(text, block.start() + match.start())
                yield at, f"make has no target {match[1]}"


def main() -> int:
    targets = make_targets()
    found = [
        f"{page.relative_to(ROOT)}:{at}: {problem}"
        for page in PAGES
        for at, problem in problems(page, targets)
    ]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
