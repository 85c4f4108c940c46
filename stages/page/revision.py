"""Which version of the project made a page."""

import subprocess

SOURCES = ["stages", "dvc.yaml", "constraints.txt"]  # settings stand on the pages themselves


def revision() -> str:
    """The last commit that changed the code, with its date, and whether the code differs now; "" where there is none.

    A later commit that only holds results is left aside: the same run there makes the same pages.
    """
    if not (commit := git("log", "-1", "--format=%h of %cs", "--", *SOURCES)):
        return ""
    return commit + (", with changes" if git("status", "--porcelain", "--", *SOURCES) else "")


def git(*arguments: str) -> str:
    """What `git ARGUMENTS` says; "" where it fails, or there is no git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10)  # noqa: S603, S607 - a list
    except (OSError, subprocess.TimeoutExpired):  # no git, or a hanging file system
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
