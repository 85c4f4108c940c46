"""Which version of the project made a page."""

import subprocess

SOURCES = ["stages", "params.yaml", "dvc.yaml", "constraints.txt"]  # what DVC writes differs from the commit anyway


def revision() -> str:
    """The commit that is checked out, with its date, and whether code or settings differ; "" where there is none."""
    if not (commit := _git("log", "-1", "--format=%h of %cs")):
        return ""
    return commit + (", with changes" if _git("status", "--porcelain", "--", *SOURCES) else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True)  # noqa: S603, S607 - a list, no shell
    except OSError:  # no git
        return ""
    return done.stdout.strip()
