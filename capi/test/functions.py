"""What the tests know of libsocket.h without being told.

functions.py table HEADER     the functions with a status, each with a call
                              of it and the statuses that its manual names:
                              C for every.h
functions.py recorder HEADER  a header that is put before a test: its calls
                              write "function status" to the descriptor that
                              TEST_RECORD is the number of
functions.py compare HEADER RECORD TEST...
                              fails when a test was given a status that the
                              manual does not name, when no test was given one
                              that it does name, or when no test uses a name
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

# Every function with a status may return these; OK comes without a word.
EVERYWHERE = {"OK", "FORKED", "INTERNAL"}

# Input that is good, by type and name; out parameters and handles by type.
BY_NAME = {
    "const char *transport": '"unix"',
    "const char *event": '"every"',
    "const char *settings": "NULL",
    "const char *json": '"1"',
    "const void *document": '"\\x90"',
    "const void *data": '"\\x01"',
    "size_t *sent": "&a->sent",
    "size_t length": "1",
    "size_t size": "1",
    "size_t count": "1",
    "size_t max": "0",
    "int timeout_ms": "a->timeout_ms",
    "uint32_t flags": "a->flags",
    "uint64_t client": "a->peer",
    "libsocket_callback callback": "a->callback",
    "void *user": "NULL",
    "const libsocket_message *message": "&a->message",
    "const libsocket_message *messages": "&a->message",
}
BY_TYPE = {
    "libsocket_server": "a->server",
    "libsocket_client": "a->client",
    "libsocket_server *": "&a->opened_server",
    "libsocket_client *": "&a->opened_client",
    "libsocket_event **": "&a->events",
    "libsocket_client_info **": "&a->infos",
    "void **": "&a->block",
    "char **": "&a->text",
    "size_t *": "&a->size",
}

FUNCTION = re.compile(
    r"(?:/\*(?P<manual>(?:(?!\*/).)*)\*/\n)?"
    r"^int (?P<name>libsocket_\w+)\((?P<parameters>[^)]*)\);",
    re.DOTALL | re.MULTILINE,
)


class Function(NamedTuple):
    """A function of the header that returns a status."""

    name: str
    parameters: list[tuple[str, str]]  # type and name
    statuses: list[str]  # as the manual names them

    @property
    def handle(self) -> str:
        """The kind of handle that it works on."""
        for c_type, _ in self.parameters:
            if c_type in ("libsocket_server", "libsocket_client"):
                return "ON_" + c_type.removeprefix("libsocket_").upper()
        return "ON_NOTHING"


def functions(header: str) -> Iterator[Function]:
    for match in FUNCTION.finditer(header):
        name = match["name"]
        manual = re.sub(r"\n ?\* ?", " ", match["manual"] or "")
        status = re.search(r"Status: ([A-Z_, ]+)\.", manual)
        if status is None:
            sys.exit(f'{name} has no "Status: ..." in its manual')
        parameters = [
            (c_type.strip(), word)
            for parameter in " ".join(match["parameters"].split()).split(", ")
            for c_type, word in re.findall(r"(.*?)(\w+)$", parameter)
        ]
        statuses = [word.strip() for word in status[1].split(",")]
        yield Function(name, parameters, statuses)


def argument(function: Function, c_type: str, name: str) -> str:
    both = f"{c_type}{name}" if c_type[-1] == "*" else f"{c_type} {name}"
    value = BY_NAME.get(both) or BY_TYPE.get(c_type)
    if value is None:
        sys.exit(f'{function.name}: functions.py has no value for "{both}"')
    return value


def table(header: str) -> None:
    rows = []
    for f in functions(header):
        arguments = ", ".join(argument(f, *p) for p in f.parameters)
        print(f"static int call_{f.name}(arguments *a)")
        print(f"{{\n    return {f.name}({arguments});\n}}\n")
        mask = " | ".join(f"BIT({s})" for s in f.statuses)
        rows.append(
            f'    {{"{f.name}", {f.handle}, call_{f.name},\n     {mask}}},'
        )
    print("#define BIT(status) (UINT64_C(1) << -LIBSOCKET_E_##status)")
    print("static const function functions[] = {", *rows, "};", sep="\n")
    print("#undef BIT")


RECORDER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsocket.h"

/* Each function and status once a process; a lost race writes it twice. */
static inline int record_status(const char *name, unsigned char *seen,
                                int status)
{
    char line[100];
    int at = status > 0 ? 0 : -status;
    const char *fd = getenv("TEST_RECORD");
    if (fd == NULL || at >= 64)
        return status;
    if (__atomic_exchange_n(&seen[at], 1, __ATOMIC_RELAXED))
        return status;
    snprintf(line, sizeof line, "%s %d\n", name, -at);
    if (write(atoi(fd), line, strlen(line)) < 0)
        abort();
    return status;
}
"""


def recorder(header: str) -> None:
    print("/* Made by functions.py. */\n#define _GNU_SOURCE" + RECORDER)
    for f in functions(header):
        parameters = ", ".join(f"{t} {n}" for t, n in f.parameters)
        names = ", ".join(n for _, n in f.parameters)
        print(f"static inline int recorded_{f.name}({parameters})\n{{")
        print("    static unsigned char seen[64];")
        print(
            f'    return record_status("{f.name}", seen, '
            f"{f.name}({names}));\n}}"
        )
        print(f"#define {f.name}(...) recorded_{f.name}(__VA_ARGS__)")


def compare(header: str, record: str, *tests: str) -> None:
    defines = re.findall(r"#define LIBSOCKET_E_(\w+) \((-\d+)\)", header)
    values = {int(value): name for name, value in defines}
    values[0] = "OK"
    seen: dict[str, set[str]] = {}
    for line in Path(record).read_text().splitlines():
        name, status = line.split()
        seen.setdefault(name, set()).add(values[int(status)])
    problems = []
    for f in functions(header):
        named, given = set(f.statuses), seen.get(f.name, set()) - EVERYWHERE
        if "OK" not in seen.get(f.name, set()):
            problems.append(f"{f.name}: no test in which it succeeds")
        problems += [
            f"{f.name} returned {s}, which its manual does not name"
            for s in sorted(given - named)
        ]
        problems += [
            f"{f.name}: no test in which it returns {s}"
            for s in sorted(named - given)
        ]
    code = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    sources = "\n".join(Path(test).read_text() for test in tests)
    used = set(re.findall(r"\w+", sources))
    problems += [
        f"{name}: no test uses it"
        for name in sorted(
            set(re.findall(r"\b(?:LIBSOCKET|libsocket)_\w+", code))
        )
        if name not in used
    ]
    sys.exit("\n".join(problems) or None)


def main() -> None:
    commands: dict[str, Callable[..., None]] = {
        "table": table,
        "recorder": recorder,
        "compare": compare,
    }
    command, header, *rest = sys.argv[1:]
    commands[command](Path(header).read_text(), *rest)


if __name__ == "__main__":
    main()
