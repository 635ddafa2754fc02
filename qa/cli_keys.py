"""``footnoted keys``: who may call the server."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from qa.terminal import format_table

if TYPE_CHECKING:
    from qa.keys import KeyFile

keys = typer.Typer(
    no_args_is_help=True,
    help="Create, list or revoke the API keys of 'footnoted serve'.\n\n"
    "They are sent as 'Authorization: Bearer KEY', as OpenAI's clients do. A running server "
    "notices every change.",
)

Name = Annotated[str, typer.Argument(help="What the key is called in lists.")]
Collections = list[str] | None
Read = Annotated[
    Collections,
    typer.Option("--read", metavar="COLLECTION", help="Ask, list and read there; repeatable."),
]
Write = Annotated[
    Collections,
    typer.Option("--write", metavar="COLLECTION", help="Add and remove documents too; repeatable."),
]
Admin = Annotated[
    Collections,
    typer.Option("--admin", metavar="COLLECTION", help="Make and delete it, too; repeatable."),
]


@keys.command(
    epilog="Examples: footnoted keys create page  |  "
    "footnoted keys create bot --read '*' --write notes"
)
def create(name: Name, read: Read = None, write: Write = None, admin: Admin = None) -> None:
    """Create a key and print it, this once. '*' is every collection; by default it reads all."""
    from qa.keys import ALL, Right

    chosen: dict[Right, Collections] = {"read": read, "write": write, "admin": admin}
    grants = {name: right for right, names in chosen.items() for name in names or []}
    print(_key_file().create(name, grants or {ALL: "read"}))
    print("Keep it now: only its hash is stored.", file=sys.stderr)


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the keys by their names, with their rights."""
    found = _key_file().keys()
    if as_json:
        shown = [key.model_dump(mode="json", exclude={"sha256"}) for key in found]
        print(json.dumps(shown, indent=2))
    elif not found:
        print("there are no keys: footnoted keys create NAME", file=sys.stderr)
    else:
        rows: list[tuple[object, ...]] = [("NAME", "CREATED", "RIGHTS")]
        for key in found:
            rights = ", ".join(f"{right} {name}" for name, right in sorted(key.grants.items()))
            rows.append((key.name, f"{key.created:%Y-%m-%d}", rights))
        print(format_table(rows))


@keys.command()
def revoke(name: Name) -> None:
    """Take a key away; the next request with it is refused."""
    file = _key_file()
    file.revoke(name)
    print(f"revoked: {name}", file=sys.stderr)
    if not file.keys():
        print(
            "that was the last key, and the server asks for one all the same: 'footnoted keys "
            "create NAME' makes another, FOOTNOTED_SERVER__AUTH=off opens it",
            file=sys.stderr,
        )


def _key_file() -> "KeyFile":
    from qa.assembly import Assembly
    from qa.settings import load_settings

    return Assembly(load_settings()).keys
