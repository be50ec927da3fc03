"""The ctypes declarations are the header, word for word."""

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import dotfiles_socket
from dotfiles_socket import Status, _lib

HEADER = Path(__file__).parents[3] / "include" / "libsocket.h"
TEXT = HEADER.read_text()
CODE = re.sub(r"/\*.*?\*/", "", TEXT, flags=re.DOTALL)


def words(text: str) -> str:
    """The text with single spaces."""
    return " ".join(text.split())


PROTOTYPES: dict[str, Any] = {
    match[2]: (words(match[1]), words(match[3]), words(match[0]))
    for match in re.finditer(
        r"^((?:const )?\w+ \**)libsocket_(\w+)\(([^)]*)\);",
        CODE,
        flags=re.MULTILINE,
    )
}

STRUCTS = {
    match[1]: re.findall(r"^\s*(.+?)(\w+)(?:\[(\d+)\])?;", match[2], re.M)
    for match in re.finditer(
        r"^typedef struct libsocket_(\w+) \{(.*?)^\} libsocket_\1;",
        CODE,
        flags=re.MULTILINE | re.DOTALL,
    )
}

CLASSES = {
    "server": _lib.Server,
    "client": _lib.Client,
    "message": _lib.Message,
    "event": _lib.Event,
    "client_info": _lib.ClientInfo,
}

DEFINES = {
    match[1]: match[2]
    for match in re.finditer(
        r"^#define LIBSOCKET_(\w+) (\S+)", CODE, flags=re.MULTILINE
    )
}

# What a parameter of a C type is declared as. A pointer that the library
# fills is a pointer to its type; text and bytes are c_char_p, which takes
# Python's bytes.
TYPES: dict[str, Any] = {
    "void": None,
    "int": ctypes.c_int,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "char *": ctypes.c_char_p,
    "void *": ctypes.c_void_p,
    # A char ** is freed by the caller, so its address must stay known.
    "char **": ctypes.POINTER(ctypes.c_void_p),
    "void **": ctypes.POINTER(ctypes.c_void_p),
    "size_t *": ctypes.POINTER(ctypes.c_size_t),
    "libsocket_callback": _lib.Callback,
    **{f"libsocket_{n}": c for n, c in CLASSES.items()},
    **{f"libsocket_{n} *": ctypes.POINTER(c) for n, c in CLASSES.items()},
    **{
        f"libsocket_{n} **": ctypes.POINTER(ctypes.POINTER(c))
        for n, c in CLASSES.items()
    },
}


def declared_as(c_type: str) -> Any:
    return TYPES[words(c_type.replace("const ", ""))]


def test_the_header_was_understood() -> None:
    assert len(PROTOTYPES) == len(re.findall(r"\blibsocket_\w+\([^*]", CODE))
    assert set(STRUCTS) == set(CLASSES)
    assert len(DEFINES) > 50


def test_every_function_is_declared() -> None:
    assert set(_lib.PROTOTYPES) == set(PROTOTYPES)


@pytest.mark.parametrize("name", sorted(PROTOTYPES))
def test_prototype(name: str) -> None:
    result, parameters, _ = PROTOTYPES[name]
    declared = _lib.PROTOTYPES[name]
    assert declared.result is declared_as(result)
    expected = []
    if parameters != "void":
        for parameter in parameters.split(","):
            c_type, _ = re.fullmatch(r"(.*?)(\w+)", parameter.strip()).groups()  # type: ignore[union-attr]
            kind = declared_as(c_type.strip())
            # Bytes go in as const void *; blocks come out as void **.
            if "const void *" in c_type:
                kind = ctypes.c_char_p
            expected.append(kind)
    assert list(declared.arguments) == expected


@pytest.mark.parametrize("name", sorted(PROTOTYPES))
def test_each_declaration_stands_under_its_prototype(name: str) -> None:
    source = Path(_lib.__file__).read_text()
    above = re.search(
        rf"((?:^#.*\n)+)_declare\(\s*\"{name}\"", source, re.MULTILINE
    )
    assert above is not None
    assert words(above[1].replace("#", " ")) == PROTOTYPES[name][2]


def test_the_callback_type() -> None:
    match = re.search(
        r"typedef void \(\*libsocket_callback\)\((.*?)\);", CODE, re.DOTALL
    )
    assert match is not None
    assert words(match[1]) == (
        "const libsocket_event *events, size_t count, void *user"
    )
    assert _lib.Callback._restype_ is None
    assert tuple(_lib.Callback._argtypes_) == (
        ctypes.POINTER(_lib.Event),
        ctypes.c_size_t,
        ctypes.c_void_p,
    )


@pytest.mark.parametrize("name", sorted(STRUCTS))
def test_struct_fields(name: str) -> None:
    declared: Any = CLASSES[name]._fields_
    assert [f[1] for f in STRUCTS[name]] == [f[0] for f in declared]
    for (c_type, field, count), (_, kind, *_) in zip(
        STRUCTS[name], declared, strict=True
    ):
        if count:
            assert issubclass(kind, ctypes.Array)
            assert kind._length_ == int(count)
            kind = kind._type_
        expected = declared_as(c_type.strip())
        if (name, field) == ("message", "data"):
            expected = ctypes.c_char_p  # takes bytes and keeps them alive
        assert kind is expected, field


def test_struct_layout_is_the_compilers(tmp_path: Path) -> None:
    lines = []
    for name, fields in STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof(libsocket_{name}));')
        lines += [
            f'printf("{name}.{field} %zu\\n", '
            f"offsetof(libsocket_{name}, {field}));"
            for _, field, _ in fields
        ]
    source = tmp_path / "layout.c"
    source.write_text(
        f'#include <stdio.h>\n#include "{HEADER}"\n'
        f"int main(void) {{ {' '.join(lines)} return 0; }}"
    )
    program = tmp_path / "layout"
    subprocess.run(["cc", source, "-o", program], check=True)
    layout = subprocess.run(
        [program], check=True, capture_output=True, text=True
    ).stdout
    for line in layout.splitlines():
        what, number = line.split()
        name, _, field = what.partition(".")
        kind = CLASSES[name]
        actual = getattr(kind, field).offset if field else ctypes.sizeof(kind)
        assert actual == int(number), what


@pytest.mark.parametrize("name", sorted(DEFINES))
def test_constant(name: str) -> None:
    value = DEFINES[name]
    if name == "VERSION":
        assert f'"{_lib.VERSION}"' == value
    elif name.startswith("VERSION_"):
        part = ("MAJOR", "MINOR", "PATCH").index(name.removeprefix("VERSION_"))
        assert _lib.VERSION.split(".")[part] == value
    else:
        number = int(value.strip("()").rstrip("u"))
        if name == "OK" or name.startswith("E_"):
            assert Status[name.removeprefix("E_")] == number
        else:
            assert getattr(_lib, name) == number


def test_no_other_status() -> None:
    names = {n for n in DEFINES if n == "OK" or n.startswith("E_")}
    assert len(Status) == len(names)


def test_package_header_and_library_have_one_version() -> None:
    assert dotfiles_socket.__version__ == _lib.VERSION
    assert _lib.quick.version().decode() == _lib.VERSION


@pytest.mark.parametrize("functions", [_lib.quick, _lib.blocking])
def test_every_function_is_in_the_library(functions: object) -> None:
    for name in PROTOTYPES:
        assert callable(getattr(functions, name))
    with pytest.raises(AttributeError):
        functions.nonsense  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_sentence(status: Status) -> None:
    text = _lib.quick.strerror(status).decode()
    assert text
    assert text != "unknown status"
