"""What the models need of pydantic: version 2, or the 1.10 of Debian 12."""

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pydantic

_OLD = pydantic.VERSION.startswith("1.")
# Only one of the two versions has each name that is looked up below.
_pydantic: Any = pydantic

# A number that may be whole; version 1 would cut it to the first of a union.
if TYPE_CHECKING:
    Number = float
else:
    Number = float if _OLD else int | float


def matching(pattern: str) -> Any:
    """Return the field of a text that has to match."""
    return _pydantic.Field(**{"regex" if _OLD else "pattern": pattern})


def check_field(name: str) -> Callable[[Any], Any]:
    """Decorate a class method that gives the value or ValueError."""
    validator: Callable[[Any], Any] = (
        _pydantic.validator(name) if _OLD else _pydantic.field_validator(name)
    )
    return validator


def check_model(method: Callable[[Any], None]) -> Any:
    """Decorate a method (self) that raises ValueError for a bad model."""
    if _OLD:

        def check_values(_: Any, values: dict[str, Any]) -> dict[str, Any]:
            method(SimpleNamespace(**values))
            return values

        return _pydantic.root_validator(
            skip_on_failure=True, allow_reuse=True
        )(check_values)

    def check_self(self: Any) -> Any:
        method(self)
        return self

    return _pydantic.model_validator(mode="after")(check_self)


def validation_error(text: str) -> Exception:
    """Return a pydantic.ValidationError with this text."""
    if _OLD:
        wrappers = importlib.import_module("pydantic.error_wrappers")
        wrapped = wrappers.ErrorWrapper(ValueError(text), loc="settings")
        error = _pydantic.ValidationError([wrapped], pydantic.BaseModel)
    else:
        core = importlib.import_module("pydantic_core")
        kind = core.PydanticCustomError("setting", "{text}", {"text": text})
        details = core.InitErrorDetails(type=kind, loc=(), input=None)
        error = _pydantic.ValidationError.from_exception_data(
            "settings", [details]
        )
    assert isinstance(error, pydantic.ValidationError)
    return error
