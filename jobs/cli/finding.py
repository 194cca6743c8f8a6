"""Which job somebody means who types the beginning of an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.follow.ids import short_ids

if TYPE_CHECKING:
    from jobs.job import BasicAerJob
    from jobs.provider import BasicAerProvider

#: Letters of a beginning that is looked for, at least.
_LEAST = 4
#: Ids that an error names.
_NAMED = 5


def find_job(provider: BasicAerProvider, given: str) -> BasicAerJob:
    """Return the job with this id, or the one job whose id begins so: of one's own, or else of all owners'.

    Raises `JobNotFoundError`, and `BasicAerError` where several ids begin so.
    """
    from jobs.errors import BasicAerError, JobNotFoundError

    try:
        return provider.job(given)
    except JobNotFoundError as unknown:
        if len(given) < _LEAST:
            raise JobNotFoundError(
                f"No job {given!r}: of an id, give {_LEAST} letters of its beginning at least."
            ) from unknown
        found = _beginning(provider, given)
        if not found:
            raise
    if len(found) > 1:
        some = ", ".join(list(short_ids(found).values())[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
        raise BasicAerError(f"{len(found)} ids begin with {given}: {some}. Give more letters of the one you mean.")
    return provider.job(found[0])


def _beginning(provider: BasicAerProvider, given: str) -> list[str]:
    from worker.record import overview

    mine = provider.settings.owner
    with provider.connection.reaching() as session:
        return overview.ids_that_begin(session.store, given, [mine]) or overview.ids_that_begin(
            session.store, given, overview.owners(session.store).keys() - {mine}
        )
