"""Flower with our events and pages, behind a password."""

from __future__ import annotations

import atexit
import contextlib
import secrets
import signal
import sys
from collections.abc import Callable, Sequence

import flower.events
from flower.app import Flower, rewrite_handler
from flower.command import apply_env_options, apply_options, extract_settings, setup_logging
from flower.urls import settings as flower_settings
from tornado.ioloop import IOLoop
from tornado.options import options
from tornado.web import url

from jobs.flower.captions import Captions
from jobs.flower.events import CaptionedEvents, SteadyReceiver
from jobs.flower.pages import CancelJob, JobView, PrivateMetrics
from worker.queue.app import make_app
from worker.record.connection import connect
from worker.record.store import Store
from worker.settings import Settings

#: The user whose password is made here.
USER = "basicaer"
_PASSWORD_BYTES = 18


def serve(settings: Settings, arguments: Sequence[str], say: Callable[..., None]) -> None:
    """Serve with Flower's own options until a signal; ``say`` prints where, once it listens.

    Where no password is set one is made, which is said there and stands nowhere else.
    """
    apply_env_options()
    apply_options("flower", list(arguments))
    made = None if options.basic_auth or options.auth else secrets.token_urlsafe(_PASSWORD_BYTES)
    if made is not None:
        options.basic_auth = [f"{USER}:{made}"]
    extract_settings()
    setup_logging()
    server = _server(settings)
    port = server.start_http_server()
    scheme = "https" if "ssl_options" in flower_settings else "http"
    place = options.unix_socket or f"{scheme}://{_host(options.address)}:{port}/{options.url_prefix or ''}"
    say(f"Flower shows {settings.address} at {place}")
    if made is not None:
        say(
            f"User {USER}, password {made}",
            "It holds until this process ends; FLOWER_BASIC_AUTH=USER:PASSWORD sets one of your own.",
        )
    atexit.register(server.stop)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        server.start()


def _server(settings: Settings) -> Flower:
    app = make_app(settings)
    # Flower asks the current app for results.
    app.set_default()
    store = Store.of(connect(settings), settings, operator=True)
    loop = IOLoop.current()
    # Flower's thread makes its receiver by this name.
    flower.events.EventReceiver = SteadyReceiver
    events = CaptionedEvents(
        app,
        Captions(store),
        io_loop=loop,
        db=options.db,
        persistent=options.persistent,
        state_save_interval=options.state_save_interval,
        enable_events=options.enable_events,
        max_workers_in_memory=options.max_workers,
        max_tasks_in_memory=options.max_tasks,
    )
    server = Flower(capp=app, options=options, events=events, io_loop=loop, **flower_settings)
    pages = [
        url(r"/task/(.+)", JobView, {"store": store}),
        url(r"/api/task/revoke/(.+)", CancelJob, {"store": store}),
        url(r"/metrics", PrivateMetrics),
    ]
    # Before Flower's own.
    server.add_handlers(
        ".*", [rewrite_handler(page, options.url_prefix) for page in pages] if options.url_prefix else pages
    )
    return server


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
