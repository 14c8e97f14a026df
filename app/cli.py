"""The command line: the doors of the program. What a door needs is imported when it is taken."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from app.exits import FAILURE, complain
from app.paths import HomePaths, home_paths
from backend_embedded.contract.product import VERSION


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace; leaves with status 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="sutazai",
        description="One window over a local AI system. Without a command it opens the window.",
    )
    parser.add_argument("--version", action="version", version=f"sutazai {VERSION}")
    _add_home(parser, default=None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_serve(commands)
    _add_chat(commands)
    _add_models(commands)
    _add_data(commands)
    _add_doctor(commands)
    return parser.parse_args(arguments)


Commands = argparse._SubParsersAction  # the type has no public name


def _add_home(parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS) -> None:
    # suppressed in the commands, so that one given before the command is not lost
    parser.add_argument(
        "--home",
        metavar="DIR",
        default=default,
        help="folder of the instance (default: SUTAZAI_HOME, else the XDG folders)",
    )


def _add_serve(commands: Commands[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="run the backend alone, in the foreground")
    serve.add_argument("--port", type=_port, metavar="N", help="port on 127.0.0.1 (default: 10010 if free)")
    serve.add_argument(
        "--local-api",
        choices=("off", "key", "open"),
        help="who may use the Ollama and OpenAI routes in this run (default: as set)",
    )
    _add_home(serve)


def _add_chat(commands: Commands[argparse.ArgumentParser]) -> None:
    chat = commands.add_parser("chat", help="ask once and print the answer")
    chat.add_argument("prompt", metavar="PROMPT", type=_text)
    chat.add_argument("--model", metavar="NAME", help="name of a model (see: sutazai models list)")
    chat.add_argument("--system", metavar="TEXT", help="system prompt")
    chat.add_argument("--max-tokens", type=_positive, metavar="N", help="longest answer, in tokens")
    chat.add_argument("--temperature", type=_temperature, metavar="T", help="0 to 5; 0 takes the likeliest")
    chat.add_argument("--seed", type=_seed, metavar="N", help="the same seed gives the same answer")
    chat.add_argument("--json", action="store_true", help="print one JSON object at the end")
    _add_home(chat)


def _add_models(commands: Commands[argparse.ArgumentParser]) -> None:
    models = commands.add_parser("models", help="models on this machine")
    actions = models.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all models, the default one marked")
    listing.add_argument("--json", action="store_true", help="print a JSON list")
    pull = actions.add_parser("pull", help="fetch a model; one that was begun goes on where it was")
    pull.add_argument(
        "reference",
        metavar="NAME",
        type=_text,
        help="tinyllama, hf.co/OWNER/REPOSITORY/FILE.gguf, https://….gguf",
    )
    bring = actions.add_parser("import", help="bring a GGUF file of this machine into the models folder")
    bring.add_argument("path", metavar="FILE", type=_text)
    bring.add_argument("--move", action="store_true", help="move the file instead of copying it")
    for action in (pull, bring):
        action.add_argument("--name", dest="new_name", metavar="NAME", help="name that the model will have")
    show = actions.add_parser("show", help="all that is known of a model")
    remove = actions.add_parser("remove", help="remove a model from the disk")
    for action in (show, remove):
        action.add_argument("name", metavar="NAME", type=_text)
    for action in (pull, bring, show, remove):
        action.add_argument("--json", action="store_true", help="print one JSON object")
        _add_home(action)
    _add_home(models)
    _add_home(listing)


def _add_data(commands: Commands[argparse.ArgumentParser]) -> None:
    data = commands.add_parser("data", help="move the data, back it up, put it back, check it")
    actions = data.add_subparsers(dest="action", metavar="ACTION", required=True)
    move = actions.add_parser(
        "move", help="copy everything to PostgreSQL, compare, and use that from then on"
    )
    where = move.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--to", metavar="URL", type=_text, help="postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    )
    where.add_argument("--back", action="store_true", help="into the file of the home again")
    move.add_argument("--replace", action="store_true", help="replace what the database holds already")
    backup = actions.add_parser("backup", help="write everything to a file while the program goes on")
    backup.add_argument("file", metavar="FILE", type=_text)
    backup.add_argument("--replace", action="store_true", help="replace the file if it is there")
    restore = actions.add_parser("restore", help="put a backup in the place of all that is there")
    restore.add_argument("file", metavar="FILE", type=_text)
    check = actions.add_parser("check", help="look whether the data is whole")
    for action in (move, backup, restore, check):
        action.add_argument("--json", action="store_true", help="print one JSON object")
        _add_home(action)
    _add_home(data)


def _add_doctor(commands: Commands[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser("doctor", help="check everything the program needs")
    doctor.add_argument("--json", action="store_true", help="print a JSON list")
    _add_home(doctor)


def _number(text: str, smallest: int, largest: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if not smallest <= value <= largest:
        raise argparse.ArgumentTypeError(f"{text} is not between {smallest} and {largest}")
    return value


def _port(text: str) -> int:
    return _number(text, 1, 65535)


def _positive(text: str) -> int:
    return _number(text, 1, 1_000_000)


def _seed(text: str) -> int:
    return _number(text, 0, 2**32 - 2)


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= 5:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 5")
    return value


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give the question in quotes")
    return text


def run(arguments: Sequence[str]) -> int:
    """Take the door that the arguments name; returns the exit status."""
    options = parse(arguments)
    paths = home_paths(options.home, os.environ)
    if options.command == "doctor":
        from app.doctor.report import print_report

        return print_report(paths, as_json=options.json)
    try:
        paths.create()
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}. Choose another folder with --home DIR.")
        return FAILURE
    return _open(options, paths)


def _open(options: argparse.Namespace, paths: HomePaths) -> int:
    match options.command:
        case None:
            from app.desktop import run_desktop

            return run_desktop(paths)
        case "serve":
            from app.child import replace_by_backend

            return replace_by_backend(paths, options.port, options.local_api)
        case _:
            from app.terminal import run_in_terminal

            return run_in_terminal(options, paths)
