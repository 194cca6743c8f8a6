"""How many examples Hypothesis tries: the profiles, and tests' own numbers, which follow them.

`ci`, which holds unless told otherwise, tries as many as a test says, and 100 where it says nothing; `dev`
(``pytest --hypothesis-profile dev``) tries a quarter of that.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

#: Of a test that does not say how many.
_USUAL = 100
_SHARES = {"ci": 1.0, "dev": 0.25}


def register_profiles() -> None:
    """Make the profiles known, and load the one that holds unless ``--hypothesis-profile`` names the other."""
    for name, share in _SHARES.items():
        settings.register_profile(
            name,
            max_examples=round(share * _USUAL),
            # How long an example takes says nothing on a machine with other work.
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
    settings.load_profile("ci")


def examples(count: int, parent: settings | None = None, **options: Any) -> settings:
    """Return the settings of a test that tries so many examples in `ci`; in `dev` a quarter, but at least one."""
    share = settings.default.max_examples / _USUAL
    return settings(parent, max_examples=max(1, round(share * count)), **options)
