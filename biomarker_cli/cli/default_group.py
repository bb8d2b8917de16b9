"""A group of commands with a default: what is no command's name goes to it.

``biomarker response results`` runs the default on the folder ``results``; a folder that
is called like a command is written ``./init``.
"""

from __future__ import annotations

from typing import Any

import click


class DefaultGroup(click.Group):
    """A group whose first argument may be that of its default command.

    Parameters
    ----------
    default : str
        Name of that command.
    *args, **kwargs
        As `click.Group` takes them.
    """

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the default command before what does not begin with a command."""
        is_own = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if is_own or not args else [self.default, *args])

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways that the group is called."""
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...")
        default = self.commands[self.default]
        with click.Context(default, info_name=self.default, parent=ctx) as inner:
            pieces = " ".join(default.collect_usage_pieces(inner))
        formatter.write_usage(ctx.command_path, f"{pieces}  (is {self.default})")
