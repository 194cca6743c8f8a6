"""Every rule of the behaviour contract has a test, and the README of the tests says where."""

from support.rules import NOT_YET, README, RULES, files_of_rules, written


def test_every_rule_has_a_test():
    """A rule has a test, or is on the list of those that have none yet; no test names a rule that is not there."""
    assert set(files_of_rules()) | set(NOT_YET) == set(RULES)
    assert not set(files_of_rules()) & set(NOT_YET)


def test_the_readme_says_where():
    """Its table is what the tests' marks say; `python -m support.rules` in tests/ writes it anew."""
    text = README.read_text()
    assert written(text) == text, "run `python -m support.rules` in tests/"
