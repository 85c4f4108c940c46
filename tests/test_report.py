import json
import re
import shutil
from contextlib import chdir
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import diagnose, evaluate, export, report, robustness
from stages.common.cli import StageError
from stages.common.settings import load_params
from stages.network.corruption import CORRUPTIONS
from stages.network.model_file import read_model_file
from stages.page.inputs import TABLES, read_inputs
from stages.predict.standing import standing
from tests.helpers import set_params
from tests.pages import HOSTILE, Page

SECTIONS = [
    "data",
    "training",
    "test",
    "baselines",
    "matched",
    "elsewhere",
    "slices",
    "robustness",
    "mistakes",
    "settings",
]


@pytest.fixture(scope="module")
def reported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "project"
    shutil.copytree(trained, folder)
    set_params(folder, {"diagnose.steps": 0, "evaluate.samples": 20, "robustness.images": 2})
    with chdir(folder):
        for stage in (diagnose, evaluate, robustness, export, report):
            stage.main()
    return folder


@pytest.fixture
def copy(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(reported, folder)
    monkeypatch.chdir(folder)
    return folder


def page_of(folder: Path) -> Page:
    return Page(folder / "reports/index.html")


def figures_of(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """What evaluate writes: test.json and summary.json."""
    test, summary = (folder / "reports" / name for name in ("test.json", "evaluate/summary.json"))
    return json.loads(test.read_text()), json.loads(summary.read_text())


def change(path: str, column: str, value: object, *where: tuple[str, str]) -> None:
    """Set `column` of the CSV file at `path` to `value` in the rows where the columns have those values."""
    table = pd.read_csv(path)
    rows = pd.Series(True, table.index)
    for name, wanted in where:
        rows &= table[name] == wanted
    table.loc[rows, column] = value
    table.to_csv(path, index=False)


def test_the_page_has_its_sections_in_order_and_the_verdict_first(reported: Path) -> None:
    page = page_of(reported)
    headings = [attributes["id"] for tag, attributes in page.elements if tag == "h2"]
    assert headings == SECTIONS == [link.removeprefix("#") for link in page.all("a", "href") if link.startswith("#")]
    questions = [page.text.index(words) for words in ("Is it learning?", "better than trivial rules?", "deploy it?")]
    assert questions == sorted(questions) and questions[-1] < page.text.index("Before any training")
    assert sum(word in page.all("span", "class") for word in ("word yes", "word no", "word not")) >= 1


def test_the_page_loads_and_runs_nothing(reported: Path) -> None:
    page = page_of(reported)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page.all("meta", "content")
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "embed", "form", "base"})
    assert all(source.startswith("data:image/") for source in page.all("img", "src"))
    assert all(link.startswith("#") or link == "data.html" for link in page.all("a", "href"))
    assert not re.search(r"https?://", page.source, re.IGNORECASE)
    assert len(page.source) < 1_500_000


def test_every_figure_is_there(reported: Path) -> None:
    text = page_of(reported).text
    test, summary = figures_of(reported)
    figures = [f"{found:.3f}" for found in (test["auc"], test["accuracy"], test["recall"])]
    assert all(found in text for found in figures)
    assert f"{summary['images']} codes of {summary['sites']} sites" in text
    charts = [source for source in page_of(reported).all("img", "src") if "svg" in source]
    assert len(charts) == 2 + 3 + 1 + len(CORRUPTIONS)  # training, test, baselines, corruptions


def test_the_page_says_what_it_is_about(reported: Path) -> None:
    page = page_of(reported)
    images = json.loads((reported / "reports/data.json").read_text())["images"]
    about = page.text[: page.text.index("Is it learning?")]
    assert "Dataset" in about and re.search(rf"Images\s*{images}\b", about)
    assert [tag for tag, _ in page.elements if tag in ("header", "main")] == ["header", "main"]


def test_what_changed_since_the_run_before_is_on_the_page_and_the_card(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, figures = [("data.classes.<b>|", "1", "2")], [("val auc", "0.5", "0.6")]
    monkeypatch.setattr(report, "changes", lambda _: {"since": "1a2b3c4", "settings": settings, "figures": figures})
    report.main()
    text = page_of(copy).text
    assert "commit 1a2b3c4)" in text
    assert re.search(r"data\.classes\.<b>\|\s*1\s*2\s*val auc\s*0\.5\s*0\.6", text)
    card = (copy / "models/README.md").read_text()
    assert "| data.classes.<b>/ | `1` | `2` |" in card and "| val auc | `0.5` | `0.6` |" in card


def test_no_path_of_the_machine_is_on_the_page_or_the_card(copy: Path) -> None:
    set_params(copy, {"data.images": str(copy / "data/images")})
    report.main()
    for name in ("reports/index.html", "models/README.md"):
        assert str(copy) not in (copy / name).read_text() and "images" in (copy / name).read_text()


def test_every_chart_says_what_it_shows(reported: Path) -> None:
    test, _ = figures_of(reported)
    texts = [attributes["alt"] for tag, attributes in page_of(reported).elements if tag == "img"]
    assert len(set(texts)) >= 6 + len(CORRUPTIONS) and all(text.endswith(".") or "picture" in text for text in texts)
    assert any(f"ROC curve with an area of {test['auc']:.3f}" in text for text in texts)


def test_the_metadata_of_the_card_is_what_model_hubs_read(reported: Path) -> None:
    _, metadata, card = (reported / "models/README.md").read_text().split("---\n", 2)
    found = YAML(typ="safe").load(metadata)
    assert found["license"] == "apache-2.0" and found["library_name"] == "pytorch"
    assert "qr-code" in found["tags"] and {"accuracy", "roc_auc"} <= set(found["metrics"])
    assert card.lstrip().startswith("# Model card")


def test_the_same_inputs_make_the_same_bytes(reported: Path, copy: Path) -> None:
    for name in ("reports/index.html", "models/README.md"):
        (copy / name).unlink()
    report.main()
    for name in ("reports/index.html", "models/README.md"):
        assert (copy / name).read_bytes() == (reported / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "data/splits.parquet",
        "models/model.safetensors",
        "reports/data.json",
        "reports/data_findings.csv",
        "reports/diagnosis.json",
        "reports/train.json",
        "reports/val.json",
        "reports/test.json",
        "reports/evaluate/summary.json",
        "reports/evaluate/metrics.csv",
        "reports/predictions.parquet",
        "reports/robustness/robustness.csv",
        "reports/export.json",
    ],
)
def test_a_missing_input_is_named_with_the_remedy(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(StageError, match=rf"{re.escape(name)} is not there yet: run `dvc repro`"):
        report.main()


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_lacks_a_column_is_named_with_the_remedy(name: str, copy: Path) -> None:
    path, columns = TABLES[name]
    table = pd.read_csv(path)
    for column in columns:
        table.drop(columns=column).to_csv(path, index=False)
        with pytest.raises(StageError, match=rf"^{path} is damaged \(it has no column {column}\): delete it and run"):
            read_inputs(load_params())


def test_the_mistakes_are_the_most_confident_ones_and_harmless(copy: Path) -> None:
    table = pd.read_parquet("reports/predictions.parquet")
    hostile = list(HOSTILE.values())
    many = pd.concat([table] * 12, ignore_index=True)
    many = many.assign(
        path=["./" * place + path for place, path in enumerate(many["path"])],  # the same file by another name
        label="benign", network=[0.9 + place / 10_000 for place in range(len(many))],
        payload=[hostile[place % len(hostile)] for place in range(len(many))][::-1],
    )  # fmt: skip
    many.iloc[-1, many.columns.get_loc("path")] = "benign/<script>alert(1)</script>.png"
    many.to_parquet("reports/predictions.parquet")
    report.main()
    page = page_of(copy)
    test_the_page_loads_and_runs_nothing(copy)
    assert f"Benign, called malicious: {len(many)} of {len(many)}" in page.text
    assert "Malicious, called benign: 0 of 0" in page.text
    assert page.text.count("probability of malicious") == 12
    assert re.findall(r"(\d\.\d+) probability", page.text) == [f"{p:.3f}" for p in sorted(many["network"])[:-13:-1]]
    assert "benign/<script>alert(1)</script>.png" in page.text and "no picture" in page.text
    assert not [character for character in page.source if not character.isprintable() and character != "\n"]
    assert "{{ 7 * 191 }}" in page.text and not [
        name for _, found in page.elements for name in found if name[:2] == "on"
    ]


def test_a_split_by_row_is_said_at_the_top(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_params(copy, {"split.by": "row", "train.epochs": 1})
    from stages import calibrate, split, train

    split.main()
    train.main()
    calibrate.main()
    report.main()
    text = page_of(copy).text
    assert text.index("the figures leak: split.by is row") < text.index("Is it learning?")
    assert "the figures leak" in (copy / "models/README.md").read_text()


def test_without_false_alarms_their_share_of_real_ones_cannot_be_told(copy: Path) -> None:
    metrics, network = "reports/evaluate/metrics.csv", (("model", "network"), ("rows", "test"))
    change(metrics, "value", 0.0, *network, ("metric", "false_positive_rate"))
    report.main()
    assert "so how many alarms would be real cannot be told" in page_of(copy).text
    change(metrics, "value", 0.28, *network, ("metric", "false_positive_rate"))
    change(metrics, "value", 0.0029, *network, ("metric", "precision_at_prevalence"))
    report.main()
    assert "of 1,000 alarms about 3 would be real" in page_of(copy).text


def test_a_training_without_an_epoch_has_a_page(copy: Path) -> None:
    shutil.rmtree("reports/train/plots")
    Path("reports/train.json").write_text(
        '{"epoch": 0, "epochs": 0, "diverged": "epoch 1, batch 1: the loss became nan"}'
    )
    report.main()
    assert "The training diverged: epoch 1, batch 1" in page_of(copy).text


def test_the_card_has_the_sections_of_the_paper_and_the_figures_of_the_run(reported: Path) -> None:
    card = (reported / "models/README.md").read_text()
    assert re.findall(r"^## (.+)$", card, re.MULTILINE) == [
        "Model details",
        "Intended use",
        "Out-of-scope use",
        "Factors",
        "Metrics",
        "Evaluation data",
        "Training data",
        "Quantitative analyses",
        "Ethical considerations",
        "Caveats and recommendations",
    ]
    test, summary = figures_of(reported)
    assert f"| AUC | {test['auc']:.3f} (" in card and f"{summary['images']} codes of {summary['sites']} sites" in card
    assert re.findall(r"[0-9a-f]{64}", card) and "{{" not in card


def test_the_card_for_programs_is_what_predict_says_of_the_model(reported: Path) -> None:
    card = json.loads((reported / "models/card.json").read_text())
    about, _ = read_model_file(reported / "models/model.safetensors")
    stands = standing(reported / "models/model.onnx", about)
    assert stands.deploy == card["deploy"] == "no"
    assert stands.versions == frozenset(about["versions"])
    assert f"AUC {figures_of(reported)[0]['auc']:.3f}" in stands.sentence
    assert "do not deploy" in stands.sentence
    assert standing(reported / "elsewhere/model.onnx", about).deploy == "unknown"
