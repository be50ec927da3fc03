"""man.py HEADER DIRECTORY DATE: manual pages from the text of libsocket.h.

The comment at the top becomes libsocket(7), each section of the header a page
of section 3, and each function a page of its name that leads to it. All text
is the header's: where a page reads badly, the header does.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

# What the sections of the header are called as pages; a new one is called by
# its first word.
PAGES = {
    "Status": ("libsocket_status", "statuses and their texts"),
    "Handles, messages, events": ("libsocket_event", "messages and events"),
    "Servers": ("libsocket_server", "serve an event"),
    "Clients": ("libsocket_client", "join an event"),
    "What runs": ("libsocket_inspect", "the events of this machine"),
    "Settings and conversions": (
        "libsocket_convert",
        "resolved settings, JSON and MessagePack",
    ),
}
FUNCTION = re.compile(r"\b(libsocket_\w+)\(")
NAMES = re.compile(r"\b(libsocket_[a-z_]+\b(?:\(\))?|LIBSOCKET_[A-Z0-9_]+)")


@dataclass
class Item:
    """A declaration, or several, with the comment above."""

    text: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    @property
    def functions(self) -> list[str]:
        code = "\n".join(self.code)
        return [] if "typedef" in code else FUNCTION.findall(code)


def uncomment(lines: list[str]) -> list[str]:
    """The text of a comment, with its indentation."""
    text = "\n".join(lines).strip()
    text = text.removeprefix("/*").removesuffix("*/")
    found = [re.sub(r"^ ?\*( |$)", "", line) for line in text.split("\n")]
    return [line.rstrip() for line in trim(found)]


def trim(lines: list[str]) -> list[str]:
    """Without blank lines around, and nothing before the first word."""
    while lines and not lines[0].strip():
        lines = lines[1:]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return [lines[0].lstrip(), *lines[1:]] if lines else []


def items(section: str) -> list[Item]:
    """The declarations of a section, which blank lines part."""
    found = []
    for chunk in re.split(r"\n\n+", section.strip()):
        item = Item()
        lines = chunk.split("\n")
        if lines[0].startswith("/*"):
            end = next(i for i, line in enumerate(lines) if "*/" in line)
            item.text = uncomment(lines[: end + 1])
            lines = lines[end + 1 :]
        item.code = lines
        if item.text or item.code:
            found.append(item)
    return found


def escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text


def prose(text: str) -> str:
    """A line of text, names in bold; hyphens of words stay hyphens."""
    line = re.sub(r"(?<=\w)\\-(?=\w)", "-", escape(text))
    return NAMES.sub(
        lambda name: (
            f"\\fB{name[0].removesuffix('()')}\\fR"
            + ("()" if name[0].endswith("()") else "")
        ),
        line,
    )


def literal(lines: list[str]) -> list[str]:
    return [".nf", ".RS 4", *(escape(line) for line in lines), ".RE", ".fi"]


def render(lines: list[str], first: str = ".PP") -> list[str]:
    """Paragraphs; what is indented is a list of terms, or stays as it is."""
    out: list[str] = []
    indent = min((depth(line) for line in lines if line), default=0)
    block: list[str] = []

    def end_block() -> None:
        nonlocal block
        if block:
            out.extend(terms(block) or literal(dedent(block)))
        block = []

    paragraph = first
    for line in lines:
        if not line:
            end_block()
            paragraph = ".PP"
        elif depth(line) > indent:
            block.append(line)
            paragraph = ".PP"
        else:
            end_block()
            if paragraph:
                out.append(paragraph)
            paragraph = ""
            out.append(prose(line.strip()))
    end_block()
    return out


def depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def dedent(lines: list[str]) -> list[str]:
    least = min(depth(line) for line in lines)
    return [line[least:] for line in lines]


def terms(block: list[str]) -> list[str]:
    """A list, when its first line is a term and more than a space."""
    lines = dedent(block)
    if not re.match(r"\S+(?: \S+)*  +\S", lines[0]):
        return []
    out = []
    for line in lines:
        term = re.match(r"(\S+(?: \S+)*?)  +(\S.*)", line)
        if term:
            out += [".TP", f".B {escape(term[1])}", prose(term[2])]
        else:
            out.append(prose(line.strip()))
    return out


class Manual:
    """The pages of a header."""

    def __init__(self, header: str, date: str) -> None:
        top, rest = header.split("#ifndef LIBSOCKET_H", 1)
        self.top = uncomment(top.strip().split("\n"))
        version = re.search(r'LIBSOCKET_VERSION "(.*)"', rest)
        assert version
        self.foot = f'"{date}" "libsocket {version[1]}" "libsocket"'
        rest = rest.partition("#ifdef __cplusplus\n}")[0]
        parts = re.split(r"/\* -+ (.+?) -+ \*/", rest)
        self.sections = {
            title: items(body)
            for title, body in zip(parts[1::2], parts[2::2], strict=True)
        }
        self.meanings: dict[str, str] = dict(
            re.findall(r"#define (LIBSOCKET_E_\w+) \S+ +/\* (.*?) \*/", rest)
        )

    def name(self, title: str) -> tuple[str, str]:
        word = title.split()[0].strip(",").lower()
        return PAGES.get(title, (f"libsocket_{word}", title.lower()))

    def head(self, name: str, section: int) -> list[str]:
        return [
            '.\\" Made from libsocket.h by .ci/man.py.',
            f'.TH "{name.upper()}" {section} {self.foot}',
            ".nh",  # a name must not be cut by a hyphen
        ]

    def see_also(self, name: str) -> list[str]:
        pages = [("libsocket", 7)]
        pages += [(self.name(title)[0], 3) for title in self.sections]
        others = sorted(
            (page for page in pages if page[0] != name),
            key=lambda page: (page[1], page[0]),
        )
        lines = [f".BR {page} ({section})," for page, section in others]
        return [".SH SEE ALSO", *lines[:-1], lines[-1].rstrip(",")]

    def overview(self) -> list[str]:
        """libsocket(7): the comment at the top."""
        _, _, what = self.top[0].partition(" - ")
        out = self.head("libsocket", 7)
        out += [".SH NAME", f"libsocket \\- {prose(what.rstrip('.'))}"]
        out += [".SH SYNOPSIS", ".nf", ".B #include <libsocket.h>", ".PP"]
        out += [
            "\\fBcc\\fR \\fIprogram.c\\fR "
            "\\fB$(pkg-config \\-\\-cflags \\-\\-libs libsocket)\\fR",
            ".fi",
            ".SH DESCRIPTION",
        ]
        part: list[str] = []
        first = ""
        for line in [*self.top[1:], "END"]:
            if not re.fullmatch(r"[A-Z][A-Z ]+", line):
                part.append(line)
                continue
            part = trim(part)
            if first:
                # The first line has lost its indentation.
                part = [f"  {part[0]}", *part[1:]]
            out += render(part, "")
            part = []
            first = line
            if line != "END":
                out.append(f".SH {line}")
        return out + self.see_also("libsocket")

    def page(self, title: str) -> list[str]:
        """A page of section 3."""
        name, what = self.name(title)
        declared = self.sections[title]
        functions = [each for item in declared for each in item.functions]
        names = [name, *(each for each in functions if each != name)]
        out = self.head(name, 3)
        out += [".SH NAME", f"{', '.join(names)} \\- {what}"]
        out += [".SH SYNOPSIS", ".nf", ".B #include <libsocket.h>", ".PP"]
        for item in declared:
            if item.functions:
                out += [prose(line) for line in item.code] + [".PP"]
        out[-1] = ".fi"
        out.append(".SH DESCRIPTION")
        for item in declared:
            out += self.declaration(item)
        out += self.errors(declared)
        return out + self.see_also(name)

    def declaration(self, item: Item) -> list[str]:
        if item.functions:
            heading = ", ".join(f"{name}()" for name in item.functions)
            return [f".SS {heading}", *render(item.text, "")]
        heading = self.heading(item)
        return [f".SS {heading}", *render(item.text, ""), *literal(item.code)]

    @staticmethod
    def heading(item: Item) -> str:
        code = "\n".join(item.code)
        name = re.search(r"typedef struct (\w+)|\(\*(\w+)\)", code)
        if name:
            return name[1] or name[2]
        names = re.findall(r"#define (\w+)", code)
        return names[0] if len(names) == 1 else f"{names[0]} and others"

    def errors(self, declared: list[Item]) -> list[str]:
        """The statuses that the page names, and what they mean."""
        if not any(item.functions for item in declared):
            return []
        out = [
            ".SH ERRORS",
            "What every function may return is in",
            ".BR libsocket (7).",
        ]
        text = "\n".join(
            line for item in declared if item.functions for line in item.text
        )
        found = sorted(set(re.findall(r"LIBSOCKET_E_[A-Z_]+", text)))
        if found:
            out.append("These functions may return besides:")
        for status in found:
            out += [".TP", f".B {status}", prose(self.meanings[status])]
        return out


def main() -> None:
    header, directory, date = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    manual = Manual(header.read_text("utf-8"), date)
    pages = {"man7/libsocket.7": manual.overview()}
    for title, declared in manual.sections.items():
        name, _ = manual.name(title)
        pages[f"man3/{name}.3"] = manual.page(title)
        for item in declared:
            for function in item.functions:
                link = f".so man3/{name}.3"
                pages.setdefault(f"man3/{function}.3", [link])
    for path, lines in pages.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
