"""Keyword arguments that the original did not have: settings by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core.types import MessageType


class ServerOptions(TypedDict, total=False):
    """Settings of a server; docs/settings.md says what each means."""

    history_size: int | None
    retain_keys: int | None
    slow_client: Literal["drop_oldest", "latest", "block", "disconnect"] | None
    send_timeout: float | None
    log_messages: int | None
    log_bytes: int | None
    linger: float | None


class UnixServerOptions(ServerOptions, total=False):
    """And those of a Unix server: who may join."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None
    readonly_uids: Sequence[int] | None


class ClientOptions(TypedDict, total=False):
    """Settings of a client; docs/settings.md says what each means."""

    wait_for_server: bool | None
    types: Sequence[MessageType] | None
    name: str | None
    send_timeout: float | None
    linger: float | None


class UnixClientOptions(ClientOptions, total=False):
    """And those of a Unix client: whose servers it trusts."""

    allowed_uids: Sequence[int] | None
    allowed_gids: Sequence[int] | None


def checked(of: object, allowed: Any, given: Any) -> dict[str, Any]:
    """Return the given options. Raises TypeError for one that there is not,
    as a function does."""
    for name in given:
        if name not in allowed.__annotations__:
            raise TypeError(
                f"{type(of).__name__}() got an unexpected keyword argument "
                f"{name!r}"
            )
    return dict(given)
