"""Checks an answer against the JSON schema that it was held to."""

from __future__ import annotations

import json
from typing import Any

from backend_embedded.errors import ModelError

LONGEST_PROBLEM = 300


def problem_of(text: str, schema: dict[str, Any]) -> str | None:
    """What is wrong with an answer, in words; None if it is as the schema says.

    References to other documents are not followed.
    """
    # Imported here: most starts check no schema, and it costs them a twentieth.
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        value = json.loads(text)
    except ValueError as error:
        return f"it is not valid JSON: {error}"
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
        errors = kind(schema, registry=Registry()).iter_errors(value)
        first = min(errors, key=lambda error: list(map(str, error.absolute_path)), default=None)
    except (SchemaError, Unresolvable) as error:
        return f"the schema itself cannot be used: {str(error).splitlines()[0]}"
    if first is None:
        return None
    where = "/".join(str(part) for part in first.absolute_path)
    return f"at “{where}”: {first.message}" if where else first.message


def mismatch(problem: str, cut: bool) -> ModelError:
    """The error of an answer that is not as its schema says.

    Args:
        cut: it ended at the token limit or at the end of the context.
    """
    why = "It was cut at its token limit: " if cut else ""
    remedy = "Allow a longer answer, or ask again." if cut else "Ask again, or use another model."
    return ModelError(
        f"The answer does not match its JSON schema. {why}{problem[:LONGEST_PROBLEM]}.",
        remedy=remedy,
        json_schema=False,
        cut=cut,
    )
