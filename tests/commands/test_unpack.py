"""Arrays become class folders of PNG files, or a message says why not."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages import scan, validate
from stages.commands import unpack
from stages.common.artefacts import VALID, read_table
from stages.common.cli import StageError
from tests.helpers import draw_qr, run_python, set_params, urls

GREY = np.random.default_rng(0).integers(0, 256, (4, 6, 5), np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (4, 6, 5, 3), np.uint8)
NAMES = np.array(["benign", "malicious", "benign", "malicious"])


def run_unpack(monkeypatch: pytest.MonkeyPatch, **arrays: Any) -> None:
    np.savez_compressed("qr.npz", **arrays)
    monkeypatch.setattr(sys, "argv", ["unpack", "qr.npz", "out"])
    unpack.main()


def drawn() -> dict[str, np.ndarray]:
    files = sorted(path for path in Path("out").rglob("*") if path.is_file())
    return {path.relative_to("out").as_posix(): np.asarray(Image.open(path)) for path in files}


@pytest.mark.parametrize(
    ("images", "pixels"),
    [
        (GREY, GREY),
        (RGB, RGB),
        (GREY[..., None], GREY),
        (GREY.astype(np.float32) / 255, GREY),
        (RGB / 255, RGB),
        (GREY > 128, (GREY > 128) * np.uint8(255)),
        ((GREY > 128).astype(np.uint8), (GREY > 128) * np.uint8(255)),
        ((GREY > 128).astype(np.int64), (GREY > 128) * np.uint8(255)),
        (GREY.astype(np.int64), GREY),
        (GREY.astype(np.uint16), GREY),
    ],
    ids=[
        "grey",
        "RGB",
        "one channel",
        "float32",
        "float64 RGB",
        "bool",
        "0 and 1",
        "0 and 1, int64",
        "int64",
        "uint16",
    ],
)
def test_every_kind_of_pixel(
    project: Path, monkeypatch: pytest.MonkeyPatch, images: np.ndarray, pixels: np.ndarray
) -> None:
    run_unpack(monkeypatch, images=images, labels=NAMES)
    files = drawn()
    assert list(files) == [f"{NAMES[i]}/000000{i}.png" for i in (0, 2, 1, 3)]
    for name, image in files.items():
        np.testing.assert_array_equal(image, pixels[int(name[-5])])


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": GREY, "labels": np.array([0, 1, 0, 1])},
        {"x": GREY, "y": np.array([0.0, 1.0, 0.0, 1.0])},
        {"y": np.array([False, True, False, True]), "x": GREY},
        {"images": GREY, "labels": NAMES.astype("S")},
        {"benign": GREY[[0, 2]], "malicious": GREY[[1, 3]]},
        {"benign": GREY[[0, 2]], "malicious": GREY[[1, 3]], "extra": np.arange(3)},
    ],
    ids=["int", "float", "bool", "bytes", "an array each", "an array each and another"],
)
def test_every_kind_of_label(project: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray]) -> None:
    run_unpack(monkeypatch, **arrays)
    files = drawn()
    assert [Path(name).parent.name for name in files] == ["benign"] * 2 + ["malicious"] * 2
    np.testing.assert_array_equal(list(files.values()), GREY[[0, 2, 1, 3]])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": GREY.astype(object), "labels": NAMES}, "numpy.savez_compressed"),
        ({"images": GREY, "labels": NAMES.astype(object)}, "numpy.savez_compressed"),
        ({"images": GREY, "labels": NAMES[:3]}, "4 images, but 3 labels"),
        ({"images": GREY}, r"one array of images and one of labels, has images \(4, 6, 5\)"),
        ({"images": GREY, "more": GREY, "labels": NAMES}, "one array of images"),
        ({}, "has none"),
        ({"images": GREY / 100.0, "labels": NAMES}, r"must lie in 0\.\.1"),
        ({"images": np.full((4, 6, 5), np.nan), "labels": NAMES}, r"must lie in 0\.\.1"),
        (
            {"images": GREY.astype(np.uint16) * 257, "labels": NAMES},
            r"as uint16 must lie in 0\.\.255, these in \d+\.\.6\d{4};",
        ),
        ({"images": -GREY.astype(np.int16), "labels": NAMES}, r"as int16 must lie in 0\.\.255"),
        ({"images": GREY.astype(str), "labels": NAMES}, "have the type <U3"),
        ({"images": GREY.astype(complex), "labels": NAMES}, "have the type complex128"),
        ({"images": GREY[..., None].repeat(4, 3), "labels": NAMES}, r"shape \(4, 6, 5, 4\)"),
        ({"benign": GREY, "malicious": GREY[:, :5]}, "images of different sizes"),
        ({"images": GREY, "labels": np.array(["..", "benign", "", "a/../../b"])}, "label"),
    ],
)
def test_other_arrays_are_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, np.ndarray], message: str
) -> None:
    before = {path.name for path in project.iterdir()} | {"qr.npz"}
    with pytest.raises(StageError, match=message):
        run_unpack(monkeypatch, **arrays)
    assert {path.name for path in project.iterdir()} == before


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("boom"),)


@pytest.mark.parametrize("content", ["pickle", "npy", "text", "gone"])
def test_other_files_are_refused_and_pickles_never_run(project: Path, content: str) -> None:
    if content == "npy":
        with (project / "qr.npz").open("wb") as file:
            np.save(file, GREY)
    elif content != "gone":
        (project / "qr.npz").write_bytes(pickle.dumps(Bomb()) if content == "pickle" else b"no arrays")
    ended = run_python("-m", "stages.commands.unpack", "qr.npz", "out", folder=project)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
    assert {path.name for path in project.iterdir()} <= {"params.yaml", "qr.npz"}


def test_a_folder_that_exists_is_left_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "out").mkdir()
    (project / "out/mine.txt").write_text("mine")
    with pytest.raises(StageError, match="out already exists"):
        run_unpack(monkeypatch, images=GREY, labels=NAMES)
    assert [path.name for path in (project / "out").iterdir()] == ["mine.txt"]


def test_an_interruption_leaves_no_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Image.Image.save
    saved: list[Path] = []

    def interrupted(image: Image.Image, path: Path) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(path)
        save(image, path)

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_unpack(monkeypatch, images=GREY, labels=NAMES)
    assert {path.name for path in project.iterdir()} == {"params.yaml", "qr.npz"}


def test_an_npz_file_as_the_folder_of_images_gets_the_way_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = urls("benign", 12) + urls("malicious", 12)
    files = [draw_qr(project / f"drawn/{i}.png", payload, version=3) for i, payload in enumerate(payloads)]
    np.savez(
        "qr.npz",
        images=np.stack([np.asarray(Image.open(file).convert("L")) for file in files]),
        labels=np.repeat([0, 1], 12),
    )
    set_params(project, {"data.images": "qr.npz"})
    with pytest.raises(StageError, match=r"python -m stages\.commands\.unpack qr\.npz FOLDER"):
        scan.main()
    monkeypatch.setattr(sys, "argv", ["unpack", "qr.npz", "images"])
    unpack.main()
    set_params(project, {"data.images": "images"})
    scan.main()
    validate.main()
    assert len(read_table(VALID)) == 24
