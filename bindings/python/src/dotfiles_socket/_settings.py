"""Settings: arguments become TOML text, the library does all the rest."""

import os
import sys
from enum import Enum
from typing import Any

from ._lib import quick
from ._packed import fetch

_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in (*range(32), 127)},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}


def overrides(**arguments: Any) -> str:
    """Return the arguments that are not None as lines of settings.toml."""
    return "".join(
        f"{key} = {_toml(value)}\n"
        for key, value in arguments.items()
        if value is not None
    )


def resolve(transport: str | None, text: str = "") -> dict[str, Any]:
    """Return the settings that apply with these overrides.

    Times are in seconds. Raises ValidationError, which names the file, the
    line, the key and the bound.
    """
    settings: dict[str, Any] = fetch(
        quick.settings,
        transport and transport.encode(),
        text.encode(errors="surrogateescape"),
    )
    return settings


def program_name() -> str | None:
    """Return what a client calls itself: the script, since the program is
    always Python. None where there is no script."""
    name = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119
    short = name.encode(errors="ignore")[:64].decode(errors="ignore")
    return short if short.isprintable() and short != "-c" else None


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Enum):
        value = value.value
    return '"' + str(value).translate(_ESCAPES) + '"'
