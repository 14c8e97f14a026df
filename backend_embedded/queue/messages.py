"""Messages as bytes: the JSON of the specification's three types, checked on the way in and out."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from backend_embedded.contract.queue import EventMessage, QueueName, ResultMessage, TaskMessage
from backend_embedded.errors import InvalidInput
from backend_embedded.queue.topology import queue_for

Message = TaskMessage | ResultMessage | EventMessage
TYPES: dict[QueueName, type[TaskMessage] | type[ResultMessage] | type[EventMessage]] = {
    QueueName.TASK: TaskMessage,
    QueueName.RESULT: ResultMessage,
    QueueName.EVENT: EventMessage,
}


def encode(routing_key: str, message: Message) -> bytes:
    """The body of a message.

    Raises:
        InvalidInput: no queue takes the key, or the message is of another type than the key says.
    """
    wanted = TYPES[queue_for(routing_key)]
    if not isinstance(message, wanted):
        raise InvalidInput(
            f"A message with the key {routing_key} is a {wanted.__name__}, not a {type(message).__name__}.",
            routing_key=routing_key,
        )
    return message.model_dump_json().encode()


def decode(routing_key: str, body: bytes) -> Message:
    """The message of a body.

    Raises:
        InvalidInput: the body is not what the key says.
    """
    wanted = TYPES[queue_for(routing_key)]
    try:
        return wanted.model_validate_json(body)
    except ValidationError as error:
        raise _not_one(routing_key, error) from error


def message_of(routing_key: str, value: Any) -> Message:
    """The message that a JSON value says.

    Raises:
        InvalidInput: it is not what the key says.
    """
    wanted = TYPES[queue_for(routing_key)]
    try:
        return wanted.model_validate(value)
    except ValidationError as error:
        raise _not_one(routing_key, error) from error


def checked(routing_key: str, value: Any) -> bytes:
    """The body of a message that a person wrote. Raises InvalidInput: it is not what the key says."""
    return encode(routing_key, message_of(routing_key, value))


def _not_one(routing_key: str, error: ValidationError) -> InvalidInput:
    problems = [
        {"field": ".".join(str(part) for part in one["loc"]), "problem": one["msg"]}
        for one in error.errors(include_url=False, include_input=False)
    ]
    first = ": ".join(filter(None, problems[0].values()))
    return InvalidInput(
        f"The body is no message of the key {routing_key}: {first}.",
        remedy="Write it as the specification's message types say.",
        fields=problems,
    )
