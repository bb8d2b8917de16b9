"""A command that obeys or refuses each option it is given, and ignores none.

click takes the last of two values in silence, and knows nothing of an option that another
one makes useless. Here both are usage errors that name the option: the first of every
command, the second as the command says it beside its options::

    @strict_command(
        epilog=_EPILOG,
        needs={"--overwrite": "-o", "--scheduler": "--executor dask"},
        excludes={"--dry-run": ("--junit", "--strict")},
    )

An option is *given* where it stands on the command line; one with a value behind it
(``--executor dask``) holds where its value is that one, given or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

Needs = Mapping[str, str | tuple[str, ...]]
Excludes = Mapping[str, tuple[str, ...]]


class StrictCommand(click.Command):
    """A command whose options are obeyed or refused.

    Parameters
    ----------
    *args, **kwargs
        As `click.Command` takes them.
    needs : mapping of str to str or tuple of str, optional
        Options that do something only beside another one; of several, beside any.
    excludes : mapping of str to tuple of str, optional
        Options beside which others do nothing.
    """

    def __init__(
        self,
        *args: Any,
        needs: Needs | None = None,
        excludes: Excludes | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.needs = {
            name: (others,) if isinstance(others, str) else others
            for name, others in (needs or {}).items()
        }
        self.excludes = dict(excludes or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options of a command line.

        Raises
        ------
        click.UsageError
            Where one that takes one value is given twice, or one does nothing.
        """
        line = list(args)
        rest = super().parse_args(ctx, args)
        # A shell that completes a line asks of one that is not written to its end.
        if not ctx.resilient_parsing:
            self._require_once(ctx, line)
            self._require_effect(ctx)
        return rest

    def _require_once(self, ctx: click.Context, line: list[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(line)
        for parameter, number in Counter(order).items():
            if number > 1 and takes_one_value(parameter):
                names = " / ".join(parameter.opts)
                raise click.UsageError(
                    f"{names} takes one value and is given {number} times: say it once.", ctx
                )

    def _require_effect(self, ctx: click.Context) -> None:
        # First what excludes: nobody is sent to an option that would be refused as well.
        for name, others in self.excludes.items():
            useless = [one for one in others if self._is_given(ctx, one)]
            if self._holds(ctx, name) and useless:
                raise click.UsageError(f"{_and(useless)} beside {name}: leave one out.", ctx)
        for name, others in self.needs.items():
            if self._is_given(ctx, name) and not any(self._holds(ctx, one) for one in others):
                raise click.UsageError(f"{name} goes with {' or '.join(others)}.", ctx)

    def option(self, name: str) -> click.Parameter:
        """Return the option of a name.

        Raises
        ------
        KeyError
            A rule names what the command does not have.
        """
        return {one: parameter for parameter in self.params for one in parameter.opts}[name]

    def _is_given(self, ctx: click.Context, name: str) -> bool:
        source = ctx.get_parameter_source(self.option(name).name or "")
        return source is ParameterSource.COMMANDLINE

    def _holds(self, ctx: click.Context, condition: str) -> bool:
        name, _, value = condition.partition(" ")
        if not value:
            return self._is_given(ctx, name)
        return bool(ctx.params[self.option(name).name or ""] == value)


def takes_one_value(parameter: click.Parameter) -> bool:
    """Whether a second value would take the place of the first."""
    return isinstance(parameter, click.Option) and not (
        parameter.is_flag or parameter.multiple or parameter.count
    )


def _and(names: Sequence[str]) -> str:
    does = "does" if len(names) == 1 else "do"
    return f"{', '.join(names)} {does} nothing"


def strict_command(
    name: str | None = None,
    *,
    needs: Needs | None = None,
    excludes: Excludes | None = None,
    **attributes: Any,
) -> Callable[[Callable[..., Any]], StrictCommand]:
    """Return what makes a `StrictCommand` of a function, as `click.command` does.

    Parameters
    ----------
    name : str, optional
    needs, excludes : mapping, optional
        See `StrictCommand`.
    **attributes
        As `click.command` takes them.
    """
    return click.command(name, StrictCommand, needs=needs, excludes=excludes, **attributes)
