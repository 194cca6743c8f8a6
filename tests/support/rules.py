"""The numbered rules of the behaviour contract, and which files hold them: what `pytest.mark.rule` says.

``python -m support.rules``, run in ``tests/``, writes the table of ``tests/README.md`` anew.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

TESTS = Path(__file__).parents[1]
README = TESTS / "README.md"
_TABLE = re.compile(r"(?<=<!-- rules -->\n).*?(?=<!-- end of rules -->)", re.DOTALL)

#: Each rule in a few words.
RULES: Mapping[int, str] = MappingProxyType(
    {
        1: "`BasicAerJob` is a `JobV1` over Celery's `AsyncResult`",
        2: "`job_id()` and `backend()`",
        3: "`run()` waits for no simulation",
        4: "before `submit()`, and submitting twice",
        5: "each state has its status",
        6: "an error's type and text",
        7: "one bad circuit of many; `partial=True`",
        8: "`cancel()`",
        9: "a cancelled job stays so, its simulation is stopped",
        10: "`result()` of a cancelled job",
        11: "`result(timeout)`, often, from threads",
        12: "`wait_for_final_state`",
        13: "found again from another process",
        14: "lists of jobs; deleting one",
        15: "pickle, copies and forks",
        16: "tags, times, usage, circuits, position, progress, logs",
        17: "metadata that is not JSON",
        18: "Redis down, or answering with errors",
        19: "backends, their Target, transpilation",
        20: "run options",
        21: "unknown options",
        22: "what `run` takes",
        23: "what `run` refuses",
        24: "warnings about measurements",
        25: "width follows memory",
        26: "fields of a Result",
        27: "keys of a Result's data",
        28: "counts and memory",
        29: "gates, and what is lowered to them",
        30: "dynamic circuits",
        31: "measurements, few and many shots",
        32: "the same seed, the same counts",
        33: "independent streams",
        34: "faults: one right result",
        35: "a circuit that kills workers",
        36: "only data on the wire; limits",
        37: "TLS, users, passwords",
        38: "damaged keys in Redis",
        39: "primitives",
        40: "Aer's save and set instructions",
        41: "noise models and channels",
        42: "how noise is run",
        43: "operating",
    }
)

#: Rules that no test holds yet, and why.
NOT_YET: Mapping[int, str] = MappingProxyType({})


def files_of_rules() -> dict[int, list[str]]:
    """Return for each rule that tests name the files of those tests, as paths in ``tests/``."""
    files = defaultdict(set)
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
                for number in node.args:
                    files[ast.literal_eval(number)].add(path.relative_to(TESTS).as_posix())
    return {number: sorted(files[number]) for number in sorted(files)}


def written(text: str) -> str:
    """Return the README with the table of rules as the tests have it now."""
    files = files_of_rules()
    rows = []
    for number, what in RULES.items():
        where = " ".join(f"`{name}`" for name in files.get(number, [])) or NOT_YET.get(number)
        rows.append(f"| {number} | {what} | {where} |\n")
    table = "".join(["| rule | what it is about | tests |\n", "|---|---|---|\n", *rows])
    return _TABLE.sub(lambda _: table, text)


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
