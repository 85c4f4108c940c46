"""What a worker process does to the scan when it dies."""

import os
from pathlib import Path

import pandas as pd
from PIL import Image

from stages import scan
from tests.helpers import DEADLY_DECODER, draw_qr, run_python, set_params

URL = "https://a.example/"


def test_a_decoder_that_dies_or_hangs_costs_one_row(project: Path) -> None:
    set_params(project, {"scan.timeout": 60, "scan.workers": 2})
    images = project / "data/images"
    for i in range(6):
        draw_qr(images / f"benign/{i}.png", f"{URL}{i}")
    Image.new("L", (101, 50)).save(images / "benign/2dies.png")
    Image.new("L", (103, 50)).save(images / "benign/4hangs.png")
    (project / "deadly.py").write_text(DEADLY_DECODER.format("scan"))
    ended = run_python("deadly.py", folder=project)
    assert ended.returncode == 0, ended.stderr
    table = pd.read_parquet(project / "data/scan.parquet").set_index("path")
    errors = table["error"][table["error"] != ""].to_dict()
    assert errors.keys() == {"benign/2dies.png", "benign/4hangs.png"}
    assert "died" in errors["benign/2dies.png"]
    assert "SIGABRT" in errors["benign/2dies.png"]
    assert "did not answer within 60 s" in errors["benign/4hangs.png"]
    assert set(table["problem"][list(errors)]) == {"kills_decoder"}
    assert table["payload"].drop(list(errors)).tolist() == [f"{URL}{i}" for i in range(6)]


def test_a_pipe_among_the_images_does_not_stop_the_scan(project: Path) -> None:
    set_params(project, {"scan.timeout": 1})
    draw_qr(project / "data/images/benign/a.png", URL)
    os.mkfifo(project / "data/images/benign/pipe.png")  # whoever opens it waits for a writer
    scan.main()
    table = pd.read_parquet("data/scan.parquet").set_index("path")
    assert table["decoded"].to_dict() == {"benign/a.png": True, "benign/pipe.png": False}
    assert table.loc["benign/pipe.png", "error"]
