"""What many tests need: a project folder, its settings, drawn QR codes, a stage as a process."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import segno
from filelock import FileLock
from PIL import Image
from ruamel.yaml import YAML

from stages.common.settings import Params, load_params
from stages.dataset.labels import read_labels
from stages.dataset.row import CONTENT, content_row, examine
from stages.dataset.storage import Stored, list_images

REPO = Path(__file__).parents[1]
PARAMS = Path(__file__).with_name("params.yaml")  # not the repository's, which is the user's to change
# validate.levels of the tests without the checks that fit models of the label, which take the most time.
QUICK_LEVELS = load_params(PARAMS).validate_.levels | dict.fromkeys(
    (
        "doubtful_labels",
        "picture_shortcut",
        "picture_features_together",
        "payload_shortcut",
        "payload_features_together",
    ),
    "off",
)
LINUX = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
HANGS = 1200  # seconds, beyond any that a loaded machine takes: no test waits so long but for what never ends
SURROUNDINGS = {
    "COLUMNS": "200",  # wide enough for the gate's table
    "OMP_NUM_THREADS": "1",  # so small a network gains nothing by more, and loses much where cores are busy
}
# For other processes. Hooks of git set GIT_DIR and others, which mean none of the repositories here.
ENV = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTEST_"))} | {
    **SURROUNDINGS,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}
IMPORTING = ENV | {"PYTHONPATH": str(REPO)}  # in whatever folder, the repository's `stages` can be imported

# A script that runs a module of stages, of the name that is filled in, with a decoder that dies on a width of
# 101 and hangs on one of 103. Worker processes import the main script, too, and so their decoder is this one.
DEADLY_DECODER = """
import ctypes, os, signal, sys
import zxingcpp
from stages.common.cli import run
from stages.{} import main

read = zxingcpp.read_barcodes

def deadly(pixels, *arguments, **options):
    if pixels.shape[1] == 101:
        os.abort()
    if pixels.shape[1] == 103:
        if signal.getitimer(signal.ITIMER_REAL)[0]:  # the time that it has is over at once
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        ctypes.PyDLL(None).sleep(1000)  # keeps the interpreter's lock, as a decoder in an endless loop may
    return read(pixels, *arguments, **options)

zxingcpp.read_barcodes = deadly
if __name__ == "__main__":
    run(main)
"""


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder after `make(folder)`, which the first of pytest-xdist's processes to ask does for all of them."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of an attempt that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def new_project(folder: Path) -> Path:
    """Make `folder` a project with the settings of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PARAMS, folder)
    return folder


def set_params(folder: Path, values: dict[str, Any]) -> None:
    """Change settings in `folder`'s params.yaml: {"train.epochs": 1}."""
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    for key, value in values.items():
        *sections, name = key.split(".")
        section = params
        for part in sections:
            section = section[part]
        section[name] = value
    yaml.dump(params, folder / "params.yaml")


def rename_param(folder: Path, old: str, new: str) -> None:
    """Give a key of `folder`'s params.yaml another name, as a slip of the finger would; both are dotted."""
    yaml = YAML()
    params = yaml.load(folder / "params.yaml")
    *sections, name = old.split(".")
    section = params
    for part in sections:
        section = section[part]
    section[new.rpartition(".")[2]] = section.pop(name)
    yaml.dump(params, folder / "params.yaml")


def draw_qr(path: Path, payload: str, scale: int = 4, border: int = 4, **options: Any) -> Path:
    """Draw one QR code as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"error": "M", "boost_error": False, **options}
    segno.make_qr(payload, **options).save(str(path), kind="png", scale=scale, border=border)
    return path


def drawn(payload: str, scale: int = 4, border: int = 4, **options: Any) -> np.ndarray:
    """The grey pixels of one QR code, uint8 (side, side)."""
    return pixels_of(segno.make_qr(payload, boost_error=False, **options), scale, border)


def pixels_of(symbol: segno.QRCode, scale: int = 4, border: int = 4) -> np.ndarray:
    """The grey pixels of a symbol, uint8 (side, side)."""
    file = BytesIO()
    symbol.save(file, kind="png", scale=scale, border=border)
    return np.array(Image.open(file).convert("L"))


def urls(label: str, count: int) -> list[str]:
    """URLs, each with a host of its own, in which nothing that can be counted differs between the classes."""
    name = {"benign": "shop", "malicious": "bank"}[label]
    pages = ("", "news/", "team/about.html", "log-in?id=7", "a/b/c.php")
    return [f"https://{name}{i:03}.example/{pages[i % len(pages)]}" for i in range(count)]


def draw_classes(folder: Path, benign: int, malicious: int) -> Path:
    """Draw `urls` into a folder a class."""
    for label, count in (("benign", benign), ("malicious", malicious)):
        for i, url in enumerate(urls(label, count)):
            draw_qr(folder / label / f"{i:03}.png", url)
    return folder


def looked_at(folder: Path, params: Params) -> pd.DataFrame:
    """The scan table of the class folders in `folder`, made in this process."""
    from stages.dataset import scan_table

    images = list_images(folder)
    content = pa.Table.from_pylist([examine(stored, str(folder), params.scan) for stored in images], CONTENT)
    return scan_table.named(images, content, None, params).to_pandas()


def labelled(names: Sequence[str], params: Params, content: pa.Table | None = None) -> pd.DataFrame:
    """The scan table of files called `names` with their labels, and with `content` if that is known."""
    from stages.dataset import scan_table

    content = content or pa.Table.from_pylist([content_row() for _ in names], CONTENT)
    listed = read_labels(params.data.images, params.data)
    found = scan_table.named([Stored(name) for name in names], content, listed, params)
    return pa.concat_tables([found, scan_table.missing(listed)]).to_pandas()


def write_model(
    path: Path,
    temperature: float = 1.0,
    threshold: float = 0.5,
    weights: float | None = None,
    facts: dict[str, Any] | None = None,
    **settings: Any,
) -> Path:
    """A model file with its calibration, of a network that has learned nothing, or all of whose `weights` are that.

    `facts` are what training would say in it.
    """
    import torch

    from stages.common.seal import BLANK, seal
    from stages.common.settings import Model
    from stages.network.model_file import Calibration, about_sha256, read_model_file
    from stages.network.trained import save_network
    from stages.training.run import new_network

    model = Model.model_validate({"architecture": "cnn", "hidden": [4]} | settings)
    torch.manual_seed(0)
    net = new_network(model)
    if weights is not None:
        for parameter in net.parameters():
            torch.nn.init.constant_(parameter, weights)
    save_network(path, net, model, facts or {})
    about, _ = read_model_file(path)
    calibration = Calibration(
        temperature=temperature,
        threshold=threshold,
        weights_sha256=about["weights_sha256"],
        about_sha256=about_sha256(about),
        seal=BLANK,
    )
    path.with_name("calibration.json").write_text(calibration.model_dump_json())
    seal(path.with_name("calibration.json"))
    return path


def trained_on_these(model: Path, splits: Path) -> None:
    """Let the file `model` say that it was trained on the split table `splits`, which a test has changed since."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    from stages.dataset.identity import data_sha256
    from stages.network.model_file import about_sha256

    with safe_open(model, framework="numpy") as file:
        about = json.loads(file.metadata()["about"])
    about["data_sha256"] = data_sha256(pd.read_parquet(splits))
    save_file(load_file(model), model, metadata={"about": json.dumps(about)})
    calibration = model.with_name("calibration.json")
    found = json.loads(calibration.read_text()) | {"about_sha256": about_sha256(about), "seal": None}
    calibration.write_text(json.dumps(found))


def truncate(path: Path, size: int = 120) -> None:
    """Cut a file off, as a broken download is."""
    path.write_bytes(path.read_bytes()[:size])


def heed_ctrl_c() -> None:
    """For `preexec_fn`: tests that run in the background of a script ignore Ctrl-C, which children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_stage(
    name: str, folder: Path, arguments: Sequence[str] = (), **options: Any
) -> "subprocess.CompletedProcess[str]":
    """`python -m stages.NAME ARGUMENTS` in `folder`, with its output as text."""
    return run_python("-m", f"stages.{name}", *arguments, folder=folder, **options)


def run_python(*arguments: str, folder: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """`python ARGUMENTS` in `folder`, where the repository's `stages` can be imported."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=IMPORTING, capture_output=True, text=True, timeout=HANGS, **options)


def on_a_terminal(command: Sequence[str], folder: Path, columns: int) -> list[str]:
    """The lines that `command` shows on a terminal of that many columns, on stdout or stderr, without colours."""
    ours, theirs = os.openpty()
    env = IMPORTING | {"TERM": "xterm-256color", "COLUMNS": str(columns)}
    subprocess.run(command, cwd=folder, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = os.read(ours, 2**16).decode()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r\n", "\n").splitlines()


def pack(project: Path, *options: str, target: str = "shards") -> Path:
    """The folder `project`/images in shards."""
    from stages.commands import pack

    with chdir(project), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pack", "images", target, *options])
        pack.main()
    return project / target
