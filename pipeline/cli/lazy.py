"""Commands whose modules are imported when they are called: `posebus --help` does not wait for a database driver."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup


class Entry(NamedTuple):
    """A command, or a group of them.

    Attributes:
        module: Where it is.
        name: Of the function, or of the `typer.Typer` that is a group.
        help: Its line among the commands; a test compares it with the first line of its own help.
    """

    module: str
    name: str
    help: str


class LazyCommands(TyperGroup):
    """A group that knows names and one line of help of its commands, and imports one when it is called."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of help."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command itself, or None."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module = import_module(entry.module)
        found = getattr(module, entry.name)
        if isinstance(found, typer.Typer):
            command: Any = typer.main.get_group(found)
        else:
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
            alone.command(cmd_name, epilog=getattr(module, "EXAMPLES", None))(found)
            command = typer.main.get_command(alone)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names. Fails with those of a similar name."""
        name = args[0]
        if name in self.entries or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        similar = get_close_matches(name, self.entries)
        return ctx.fail(f"No such command '{name}'." + (f" Did you mean '{similar[0]}'?" if similar else ""))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])


def lazily(commands: Mapping[str, Entry]) -> type[LazyCommands]:
    """The class of a group with these commands."""
    return type("Commands", (LazyCommands,), {"entries": dict(commands)})
