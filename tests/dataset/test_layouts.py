"""Folders of images as people have them, from scan to the gate."""

import re
from pathlib import Path

import pytest

from stages import scan, validate
from stages.common.artefacts import VALID, read_table
from stages.common.cli import StageError
from stages.dataset.labels import label_of
from tests.helpers import QUICK_LEVELS, draw_qr, set_params, urls

COUNT = 12
BENIGN, MALICIOUS = urls("benign", COUNT), urls("malicious", COUNT)
CLASSES = {"benign": "benign", "malicious": "malicious"}


def draw(folder: Path, payloads: list[str]) -> None:
    for i, payload in enumerate(payloads):
        draw_qr(folder / f"{i}.png", payload)


def assert_opens(project: Path) -> None:
    """Scan and validate, and both classes have all their images."""
    set_params(project, {"validate.levels": QUICK_LEVELS})
    scan.main()
    validate.main()
    assert read_table(VALID)["label"].value_counts().to_dict() == {"benign": COUNT, "malicious": COUNT}


@pytest.mark.parametrize(
    ("benign", "malicious"),
    [
        ("benign", "malicious"),
        ("QR codes/benign/benign", "QR codes/malicious/malicious"),
        ("Benign", "MALICIOUS/2021/may"),
        ("v1/malicious-or-not/benign", "v1/malicious-or-not/malicious/benign looking/x"),
    ],
)
def test_class_folders_at_any_depth(project: Path, benign: str, malicious: str) -> None:
    draw(project / "qr" / benign, BENIGN)
    draw(project / "qr" / malicious, MALICIOUS)
    set_params(project, {"data.images": "qr"})
    assert_opens(project)


def test_folders_of_other_names_are_proposed_and_then_taken(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nested folders of a dataset on Kaggle; the proposed lines, put into params.yaml, make it pass."""
    draw(project / "qr/QR_All_benign/QR_All_benign/qrs", BENIGN)
    draw(project / "qr/QR_All_benign/QR_All_Malicious/qrs", MALICIOUS)
    set_params(project, {"data.images": "qr"})
    scan.main()
    with pytest.raises(StageError, match="not fit for training"):
        validate.main()
    said = " ".join(re.sub(r"[│\s]+", " ", capsys.readouterr().out).split())
    lines = re.findall(r"(QR_All_\w+): (benign|malicious)\b", said)
    assert dict(lines) == {"QR_All_benign": "benign", "QR_All_Malicious": "malicious"}
    set_params(project, {"data.classes": CLASSES | dict(lines)})
    assert_opens(project)


def test_a_flat_folder_with_a_labels_file(project: Path) -> None:
    draw(project / "qr", BENIGN + MALICIOUS)
    rows = [f"{i}.png,{'benign' if i < COUNT else 'Malicious'},{url}" for i, url in enumerate(BENIGN + MALICIOUS)]
    (project / "qr/labels.csv").write_text("\n".join(["file,label,url", *rows]))
    set_params(project, {"data.images": "qr"})
    assert_opens(project)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("benign/a.png", "benign"),
        ("a/BeNiGn/b/c.png", "benign"),
        ("malicious/benign/a.png", "benign"),  # the nearest counts
        ("bad/a.png", "malicious"),
        ("a.png", ""),
        ("benign.png", ""),  # a file is no folder
        ("strange/a.png", "strange"),
        ("x/strange/a.png", "strange"),
        ("my benign ones/qrs/a.png", "my benign ones"),  # so that the gate can propose it
    ],
)
def test_the_nearest_known_folder_is_the_label(path: str, label: str) -> None:
    assert label_of(path, CLASSES | {"Bad": "malicious"}) == label
