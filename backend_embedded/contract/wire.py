"""The base of every type that crosses the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Wire(BaseModel):
    """A frozen value; an unknown field from a newer peer is ignored, never an error.

    Its validator is made when it is first used, and the docstrings of its attributes are read when its JSON schema
    is asked for: both at import would be a third of the backend's start.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema, with the docstrings of attributes as descriptions of properties."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in attribute_docstrings(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The string below each annotated attribute (PEP 257), of a class and those it is made from, by name."""
    import ast
    import inspect
    import textwrap

    found: dict[str, str] = {}
    for origin in reversed(cls.__mro__):
        # A generic class with its parameters filled in has no source; the class itself comes after it.
        if not issubclass(origin, Wire) or origin is Wire or "[" in origin.__name__:
            continue
        (made,) = ast.parse(textwrap.dedent(inspect.getsource(origin))).body
        assert isinstance(made, ast.ClassDef)
        for attribute, below in zip(made.body, made.body[1:], strict=False):
            match attribute, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    found[name] = inspect.cleandoc(text)
                case _:
                    pass
    return found
