"""The input of a subagent, checked by a JSON schema or a pydantic model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

__all__ = ["TASK", "Input", "InvalidInputError", "errors_of"]

TASK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"task": {"type": "string", "description": "What to do, with all that is needed to know."}},
    "required": ["task"],
    "additionalProperties": False,
}
"""What an agent takes whose author does not say: a task in words."""

_MOST_ERRORS = 5
_LONGEST_ERROR = 300


class InvalidInputError(ValueError):
    """The input from the model does not fit the subagent."""


class Input:
    """The input of a subagent.

    Args:
        given: A JSON schema of an object, or a pydantic model class.

    Raises:
        ValueError: It is neither.
    """

    def __init__(self, given: Mapping[str, Any] | type[BaseModel]) -> None:
        self._model: type[BaseModel] | None = None
        self._validator: Any = None
        if isinstance(given, type) and issubclass(given, BaseModel):
            self._model = given
            self.schema: Mapping[str, Any] = given.model_json_schema()
        elif not isinstance(given, type) and given.get("type") == "object":
            self.schema = given
            self._validator = _validator(dict(given))
        else:
            raise ValueError(f"an input is a JSON schema of type 'object' or a pydantic model class, not {given!r}")

    def check(self, value: Any) -> dict[str, Any]:
        """`value` with the defaults of the model filled in.

        Raises:
            InvalidInputError: It does not fit.
        """
        if self._model is not None:
            try:
                return self._model.model_validate(value).model_dump(mode="json")
            except ValidationError as error:
                raise InvalidInputError(errors_of(error)) from None
        found = sorted(self._validator.iter_errors(value), key=lambda error: str(error.json_path))
        if found:
            raise InvalidInputError(_listed((error.json_path, error.message) for error in found))
        return dict(value)


def errors_of(error: ValidationError) -> str:
    """Return pydantic's errors in one line."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return _listed((".".join(["$", *map(str, each["loc"])]), each["msg"]) for each in found)


def _validator(schema: dict[str, Any]) -> Any:
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415  a tenth of a second, for those who use a schema
    from jsonschema.validators import Draft202012Validator, validator_for  # noqa: PLC0415

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"not a JSON schema: {error.json_path}: {error.message}") from None
    return kind(schema)


def _listed(errors: Iterable[tuple[str, str]]) -> str:
    """The first of `errors`, each short enough to be read."""
    lines = [f"{path}: {message}"[:_LONGEST_ERROR] for path, message in errors]
    more = [f"and {len(lines) - _MOST_ERRORS} more"] if len(lines) > _MOST_ERRORS else []
    return "; ".join([*lines[:_MOST_ERRORS], *more])
