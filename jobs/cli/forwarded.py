"""Options that are forwarded to Celery's worker and to Flower, checked first: there a bad one is a traceback."""

from __future__ import annotations

import os
import shlex
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from jobs.cli.exits import ExitCode, give_up
from worker.settings import Settings

#: Celery's names of the one pool that runs shards.
_POOLS = ("prefork", "processes")
#: Its options that name a file to be written.
_FILES = ("logfile", "pidfile", "statedb")
_PORTS = 1 << 16
_LOOPBACK = "127.0.0.1"


def check_worker(arguments: Sequence[str], settings: Settings) -> None:
    """End the command, with one line, where `celery worker` could not use these options."""
    if not arguments or "--help" in arguments:
        return
    from celery.bin.base import CLIContext
    from celery.bin.worker import worker
    from celery.platforms import parse_gid, parse_uid

    from worker.queue.app import make_app

    def parsed() -> click.Context:
        """Parse options as Celery does, without importing the pool that they name."""
        given, _, _ = worker.make_parser(click.Context(worker)).parse_args(list(arguments))
        pool = given.get("pool", _POOLS[0])
        if pool not in _POOLS:
            raise click.UsageError(f"--pool {pool}: shards run in Celery's prefork pool only: leave --pool out")
        mine = CLIContext(make_app(settings), no_color=True, workdir=None)
        context: click.Context = worker.make_context("worker", list(arguments), obj=mine)
        for name, parse in (("uid", parse_uid), ("gid", parse_gid)):
            if context.params[name] is not None:
                parse(context.params[name])
        return context

    try:
        options = parsed().params
    except click.ClickException as error:
        give_up(error.format_message(), ExitCode.USAGE)
    except Exception as error:  # noqa: BLE001 (whatever Celery's parsers let escape)
        _refuse("Celery", shlex.join(arguments), error)
    for name in filter(options.get, _FILES):
        folder = Path(options[name]).absolute().parent
        # What stands for the node's name is not known yet.
        if "%" not in str(folder) and not os.access(folder, os.W_OK):
            give_up(f"--{name} {options[name]}: {folder} is no folder that this user may write to", ExitCode.USAGE)


def flower_options(arguments: Sequence[str]) -> list[str]:
    """Return options as Flower takes them, ``--port 5555`` as ``--port=5555``, with an address to listen on.

    Ends the command, with one line, where Flower could not use them, or not listen.
    """
    from flower.command import apply_env_options, is_flower_option
    from flower.options import DEFAULT_CONFIG_FILE
    from tornado.options import options, parse_command_line, parse_config_file

    given = _with_their_values(arguments)
    for argument in given:
        # Flower takes no notice of others: a misspelt one would count for nothing.
        if not (argument.startswith("--") and is_flower_option(argument)):
            give_up(f"{argument!r} is no option of Flower's, which are as in --port=5555", ExitCode.USAGE)
        try:
            parse_command_line(["flower", argument], final=False)
        except Exception as error:  # noqa: BLE001 (each type of option has its own)
            _refuse("Flower", argument, error)
    try:
        # In the order in which Flower reads them. Nothing begins to log here, as nothing is final.
        apply_env_options()
        if options.conf != DEFAULT_CONFIG_FILE or Path(DEFAULT_CONFIG_FILE).exists():
            parse_config_file(str(Path(options.conf).absolute()), final=False)
        parse_command_line(["flower", *given], final=False)
    except Exception as error:  # noqa: BLE001 (its file of settings is a program)
        _refuse("Flower", f"the file {options.conf} or a FLOWER_ variable", error)
    if not options.unix_socket:
        if not options.address:
            # Flower's own default is every address of the machine.
            given.append(f"--address={_LOOPBACK}")
        _listen(options.address or _LOOPBACK, options.port)
    return given


def _listen(address: str, port: int) -> None:
    asked = f"--address={address} --port={port}"
    if not 0 <= port < _PORTS:
        # It would listen at the rest of a division, and not say so.
        _refuse("Flower", asked, ValueError(f"a port is from 0 to {_PORTS - 1}"))
    try:
        socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET).close()
    except OSError as error:
        _refuse("Flower", asked, error)


def _with_their_values(arguments: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for argument in arguments:
        if joined and "=" not in joined[-1] and not argument.startswith("-"):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _refuse(who: str, what: str, error: Exception) -> NoReturn:
    # The str() of a KeyError is the repr() of its text.
    reason = error.args[0] if isinstance(error, KeyError) else error
    give_up(f"{who} cannot use {what}: {reason}", ExitCode.USAGE)
