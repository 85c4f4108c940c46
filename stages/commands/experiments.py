"""DVC experiments: other settings, in a folder of their own. params.yaml and the results here stay as they are."""

import json
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Collection
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from stages.common.artefacts import DRAWN_IMAGES, SAMPLE_URLS
from stages.common.cli import StageError, stdout
from stages.common.settings import Data, load_params


def command(name: str, values: dict[str, Any], *arguments: str) -> list[str]:
    """The `dvc exp run` called `name`, with `values` (train.epochs: 10) in place of those in params.yaml.

    A key with ~ before it is removed, one with + is new.
    DVC's temporary folders hold only what git and DVC track, so data of the user's own is given by its absolute path.
    Raises StageError if that data does not exist.
    """
    values = own_data(load_params().data, given=values) | values
    settings = [key if key.startswith("~") else f"{key}={as_text(value)}" for key, value in values.items()]
    flags = [part for setting in settings for part in ("-S", setting)]
    return [sys.executable, "-m", "dvc", "exp", "run", "--name", name, *flags, *arguments]


def own_data(data: Data, given: Collection[str] = ()) -> dict[str, str]:
    """data.urls and data.images as absolute paths, if they are not what a stage makes and not in `given`.

    In quotes: DVC reads -S by Hydra's grammar, in which a comma or a parenthesis means something.
    Raises StageError if the data does not exist.
    """
    paths = {"data.urls": data.urls, "data.images": data.images}
    own = {key: path for key, path in paths.items() if key not in given and path not in (SAMPLE_URLS, DRAWN_IMAGES)}
    for key, path in own.items():
        if not path.exists():
            raise StageError(f"{path} does not exist; set {key} in params.yaml to your data")
    return {key: quoted(path.absolute()) for key, path in own.items()}


def as_text(value: Any) -> str:
    """A value in Hydra's grammar, in which a string stands for itself."""
    return value if isinstance(value, str) else json.dumps(value)


def quoted(path: Path) -> str:
    """`path` as a quoted string of Hydra's grammar."""
    return "'" + str(path).replace("'", "\\'") + "'"


def add_settings(parser: ArgumentParser) -> None:
    """Give `parser` the option -S KEY=VALUE, which may be repeated; `settings_of` reads it."""
    parser.add_argument(
        "-S", "--set", action="append", default=[], metavar="KEY=VALUE", help="another setting, as for `dvc exp run`"
    )


def settings_of(pairs: list[str]) -> dict[str, str]:
    """The settings in ["KEY=VALUE"]; raises StageError for one without a value."""
    found = dict(pair.partition("=")[::2] for pair in pairs)
    if "" in found.values():
        raise StageError("-S takes KEY=VALUE, such as -S split.per_class=300")
    return found


def run_dvc(arguments: list[str], failure: str) -> None:
    """Run a command and show its output; raises StageError with the message `failure` if it fails."""
    if subprocess.run(arguments).returncode:  # noqa: S603 - a list, no shell
        raise StageError(failure)


def queue(name: str, values: dict[str, Any], target: str) -> None:
    """Queue the pipeline up to the stage `target` as the experiment `name`, with `values` for those in params.yaml."""
    done = subprocess.run(command(name, values, "--queue", target), capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise StageError(f"DVC could not queue {name}: {(done.stderr or done.stdout).strip()}")
    stdout.print(f"queued {name}")


def finished(rev: str) -> dict[str, str]:
    """The commit of each finished experiment that was started from commit `rev`, by its name."""
    command = [sys.executable, "-m", "dvc", "exp", "show", "--csv", "--rev", rev]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - a list, no shell
    if done.returncode:
        raise StageError(f"`dvc exp show --rev {rev}` failed: {done.stderr.strip()}")
    listed = pd.read_csv(StringIO(done.stdout), dtype=str).dropna(subset=["Experiment"])
    if "State" in listed:  # one in the queue has the files of `rev`
        listed = listed[listed["State"].isna() | (listed["State"] == "Success")]
    return dict(listed[["Experiment", "rev"]].to_numpy().tolist())


def file_of(rev: str, path: Path) -> str:
    """The text of the file `path` in commit `rev`; "" if it is not there."""
    command = ["git", "show", f"{rev}:./{path.as_posix()}"]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - a list, no shell
    return "" if done.returncode else done.stdout
