"""dataclasses.dataclass for the few classes here, without importing it.

That import takes longer than everything else that this package needs. What
the module dataclasses goes by, the tables of fields and parameters, is made
by itself when somebody asks for it. And new(), for objects of such classes.
"""

from __future__ import annotations

from operator import attrgetter
from reprlib import recursive_repr

# Makes an object without a call of __init__, where that is a function of
# Python which only sets attributes.
try:
    from ._accelerator import new as new
except ImportError:
    new = object.__new__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Table:
    """An attribute of the class that dataclasses makes when it is wanted."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: object, owner: type) -> Any:
        import dataclasses

        cls = next(c for c in owner.__mro__ if vars(c).get(self._name) is self)
        body = {"__annotations__": cls.__annotations__}
        made: Any = dataclasses.dataclass(type(cls.__name__, (), body))
        value = getattr(made, self._name)
        setattr(cls, self._name, value)
        return value


def dataclass(cls: Any) -> Any:
    """Make a dataclass of a class that has its __init__ and no defaults."""
    names = tuple(cls.__annotations__)
    values = attrgetter(*names)

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        shown = (f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    def __replace__(self: Any, /, **changes: Any) -> Any:  # noqa: N807
        kept = {name: getattr(self, name) for name in names}
        return self.__class__(**(kept | changes))

    for method in (__eq__, __repr__, __replace__):
        method.__qualname__ = f"{cls.__qualname__}.{method.__name__}"
        setattr(cls, method.__name__, method)
    cls.__hash__ = None
    cls.__match_args__ = names  # type: ignore[misc]
    for table in ("__dataclass_fields__", "__dataclass_params__"):
        setattr(cls, table, _Table(table))
    return cls
