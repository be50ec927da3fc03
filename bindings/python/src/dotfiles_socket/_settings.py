"""Settings: arguments become TOML text, the library does all the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence, Set
from enum import Enum

from ._lib import quick
from ._packed import fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

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


def encoded(text: str) -> bytes:
    """Return lines of settings for the library, which judges them: what is
    no UTF-8 too."""
    return text.encode(errors="surrogatepass")


def checked(of: object, allowed: str, given: Any) -> dict[str, Any]:
    """Return the given options, if they are of that class of _options.
    Raises TypeError for one that there is not, as a function does."""
    if given:  # typing is a large import
        from . import _options

        for name in given:
            if name not in getattr(_options, allowed).__optional_keys__:
                raise TypeError(
                    f"{type(of).__name__}() got an unexpected keyword "
                    f"argument {name!r}"
                )
    return dict(given)


def resolve(transport: str | None, text: str = "") -> dict[str, Any]:
    """Return the settings that apply with these overrides; not to be changed.

    Times are in seconds. Raises ValidationError, which names the file, the
    line, the key and the bound.
    """
    key = transport, text
    known = _resolved.get(key)
    if known is not None:
        environment, stamps, settings = known
        if environment == _environment() and stamps == _stamps(settings):
            return settings
    environment = dict(_environment())
    stamps = _stamps(_ask(*key))
    # Once more: what is remembered was read after the stamps were taken.
    settings = _ask(*key)
    if len(_resolved) >= _MOST:
        _resolved.clear()
    _resolved[key] = environment, stamps, settings
    return settings


def _ask(transport: str | None, text: str) -> dict[str, Any]:
    settings: dict[str, Any] = fetch(
        quick.settings,
        transport and transport.encode(),
        encoded(text),
    )
    return settings


# What resolve() has found, with the environment and the stamps of the files
# that it holds for: asking the library takes longer than all else that a
# constructor does.
_resolved: dict[
    tuple[str | None, str], tuple[Any, list[Any], dict[str, Any]]
] = {}

# Programs that give ever new arguments do not fill the memory.
_MOST = 100


def _environment() -> Any:
    # The dict below os.environ: to copy or compare that itself takes as long
    # as to ask the library.
    return getattr(os.environ, "_data", os.environ)


def _stamps(settings: dict[str, Any]) -> list[Any]:
    """Return what tells that none of the files has changed, come or gone."""
    stamps: list[Any] = []
    for path in settings["files"]:
        try:
            stat = os.stat(path)  # noqa: PTH116
        except OSError as e:
            stamps.append(e.errno)
        else:
            stamps.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return stamps


# A child asks the library, which will say that it is one.
os.register_at_fork(after_in_child=_resolved.clear)


class UnixPlace:
    """Where the socket of an event is. Paths are made when they are looked
    at: pathlib is a large import."""

    _settings: dict[str, Any]
    _event_name: str

    @property
    def _socket_dir(self) -> Path:
        from pathlib import Path

        return Path(self._settings["socket_dir"])

    @property
    def _socket_path(self) -> Path:
        return self._socket_dir / f"{self._event_name}.sock"


def program_name() -> str | None:
    """Return what a client calls itself: the script, since the program is
    always Python. None where there is no script."""
    name = os.path.basename(sys.argv[0] if sys.argv else "")  # noqa: PTH119
    short = name.encode(errors="ignore")[:64].decode(errors="ignore")
    return short if short.isprintable() and short != "-c" else None


def _toml(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    # A subclass, such as NumPy's, may have a repr() of its own.
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return '"' + str(value).translate(_ESCAPES) + '"'
