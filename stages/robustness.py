"""What corrupted pictures cost: test images as they are and corrupted, scored with and without rectification.

Rectification (stages.qr.rectify.rectify) finds the symbol and turns it straight. Writes
reports/robustness/robustness.csv, one row for each corruption, severity and rectified or not, and in
reports/robustness/curves/ a file for each corruption for DVC's plots, where severity 0 is not corrupted.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.common.artefacts import MODEL, ROBUSTNESS, SPLITS, read_table
from stages.common.cli import StageError, progress, run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import CLASSES, Params, Robustness, load_params
from stages.common.workers import Failure, in_workers
from stages.dataset.parts import is_malicious, part
from stages.dataset.storage import Stored, read_pixels, stored_in
from stages.network.allocator import keep_freed_memory
from stages.network.corruption import CORRUPTIONS, random_source
from stages.qr.image import grey
from stages.qr.read import read_symbol
from stages.qr.zbar import require_zbar

if TYPE_CHECKING:
    from stages.network.trained import Trained

# The picture as it is counts as severity 0 of every corruption, and is examined once.
CASES = [("none", 0.0)] + [(name, severity) for name in CORRUPTIONS for severity in CORRUPTIONS[name].severities]
RECTIFIED = (True, False)

See = Callable[[np.ndarray, bool], np.ndarray | None]  # stages.network.input.Input.see
Views = tuple[list[np.ndarray | None], np.ndarray]  # what `examine` returns


def main() -> None:
    """Draw the images, score them in every case and write the tables."""
    params = load_params()
    require_zbar()
    # Worker processes load this module too, and need no torch.
    from stages.network.data import visible
    from stages.network.device import choose_device
    from stages.network.trained import load_trained

    keep_freed_memory()
    trained = load_trained(MODEL, choose_device(params.train.device))
    rows = sample_rows(visible(read_table(SPLITS), trained.architecture.input), params.robustness)
    probability, decoded = score(trained, stored_in(rows), params)
    table = tabulate(is_malicious(rows), probability, decoded, trained.threshold).round(6)
    with replacing(ROBUSTNESS) as folder:
        (folder / "curves").mkdir(parents=True)
        table.to_csv(folder / "robustness.csv", index=False)
        for name in CORRUPTIONS:
            curves(table, name).to_csv(folder / "curves" / f"{name}.csv")
    rectified = table[table["rectified"]]
    clean, corrupted = rectified.iloc[0], rectified.iloc[1:]
    worst = corrupted.loc[corrupted["accuracy"].idxmin()]
    stdout.print(
        f"{ROBUSTNESS}: {len(rows):,} test images, accuracy {clean['accuracy']:.3f} as they are, "
        f"at worst {worst['accuracy']:.3f} ({worst['title']}, {worst['severity']:g} {worst['unit']})"
    )


def sample_rows(rows: pd.DataFrame, settings: Robustness) -> pd.DataFrame:
    """Up to `robustness.images` rows of the test part at random, as many of one class as of the other."""
    test = part(rows, "test")
    fewest = int(test["label"].value_counts().min())
    each = min(fewest, max(settings.images // len(CLASSES), 1))
    return test.groupby("label").sample(each, random_state=settings.seed).sort_index()


def score(trained: "Trained", images: list[Stored], params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities float64 (images, cases, RECTIFIED), and which are decoded, bool (images, cases).

    A probability is NaN where the corrupted picture does not show what the network takes.
    """
    probability, decoded = [], []
    with progress() as bar:
        views = examine_all(images, params, trained.architecture.input.see)
        for seen, readable in bar.track(views, len(images), description="robustness"):
            # Where rectification leaves a picture alone, both views are the same, and judged once.
            contents = [b"" if one is None else one.tobytes() for one in seen]
            distinct = {content: one for content, one in zip(contents, seen, strict=True) if one is not None}
            answers = dict(zip(distinct, trained.probability_of(list(distinct.values())), strict=True))
            if not np.isfinite(list(answers.values())).all():
                raise StageError(f"{MODEL} returned NaN; retrain it")
            judged = [answers.get(content, np.nan) for content in contents]
            probability.append(np.reshape(judged, (len(CASES), len(RECTIFIED))))
            decoded.append(readable)
    return np.stack(probability), np.stack(decoded)


def examine_all(images: list[Stored], params: Params, see: See) -> Iterator[Views]:
    """`examine` each of `images`, in their order, in worker processes."""

    def failed(item: tuple[int, Stored], failure: Failure) -> Views:
        raise StageError(f"{item[1].path}, corrupted: {failure.error}; remove it, or raise scan.timeout")

    work = partial(
        examine, see=see, folder=params.data.images, seed=params.robustness.seed, max_pixels=params.scan.max_pixels
    )
    items = list(enumerate(images))
    return in_workers(work, items, failed, params.scan.timeout * len(CASES), params.scan.workers)


def examine(item: tuple[int, Stored], see: See, folder: Path, seed: int, max_pixels: int) -> Views:
    """One image in all CASES, `item` being its position and its place in `folder`; runs in a worker.

    Returns what the network sees in cases x RECTIFIED, None where that is nothing, and
    whether pyzbar reads the picture, bool (cases,). The random numbers follow from `seed`, position and the
    corruption's name, so that neither the number of workers nor another corruption or severity changes a result.
    """
    position, clean = item[0], read_pixels(folder, item[1], max_pixels)
    seen: list[np.ndarray | None] = []
    readable = []
    for name, severity in CASES:
        pixels = CORRUPTIONS[name](clean, severity, random_source(name, seed, position)) if severity else clean
        seen += [see(pixels, rectified) for rectified in RECTIFIED]
        readable.append(read_symbol(grey(pixels)).decoded)
    return seen, np.array(readable)


def tabulate(truth: np.ndarray, probability: np.ndarray, decoded: np.ndarray, threshold: float) -> pd.DataFrame:
    """A row for each case, rectified and not: corruption, title, severity, unit, images and three figures.

    Pictures that do not show what the network takes are counted as unjudged, and are not in accuracy and AUC.
    `truth` (images,) of 0 and 1; the others as `score` returns them.
    """
    table = []
    for case, (name, severity) in enumerate(CASES):
        title, unit = (CORRUPTIONS[name].title, CORRUPTIONS[name].unit) if severity else (name, "")
        for i, rectified in enumerate(RECTIFIED):
            scores, judged = probability[:, case, i], np.isfinite(probability[:, case, i])
            row = {"corruption": name, "title": title, "severity": severity, "unit": unit, "rectified": rectified}
            right, both = (scores >= threshold)[judged] == truth[judged], len(np.unique(truth[judged])) == 2
            row |= {"images": len(truth), "unjudged": int((~judged).sum())}
            row |= {"accuracy": float(right.mean()) if len(right) else np.nan}
            row |= {"auc": float(metrics.roc_auc_score(truth[judged], scores[judged])) if both else np.nan}
            row |= {"decode_rate": float(decoded[:, case].mean())}
            table.append(row)
    return pd.DataFrame(table)


def curves(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The figures of `table` for the corruption `name` by severity, from 0, with the names that DVC's plots show."""
    own = table[table["corruption"].isin(["none", name])].set_index("severity")
    rectified, plain = own[own["rectified"]], own[~own["rectified"]]
    return pd.DataFrame(
        {
            "accuracy, rectified": rectified["accuracy"],
            "accuracy, as they are": plain["accuracy"],
            "share decoded": rectified["decode_rate"],
        }
    )


if __name__ == "__main__":
    run_stage(main)
