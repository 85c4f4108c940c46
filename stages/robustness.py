"""What damage to the picture costs: test images undamaged and damaged, scored with and without the front end.

The front end is stages.qr.locate.rectify, which finds the symbol and sets it straight. Writes
reports/robustness/robustness.csv, one row for each damage, strength and front end, and for DVC's plots
accuracy_with.csv, accuracy_without.csv and decode_rate.csv: a column a damage, step 0 is undamaged.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

from stages.common.artefacts import MODEL, ROBUSTNESS, SPLITS, read_table
from stages.common.cli import StageError, progress, run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import CLASSES, Params, Robustness, load_params
from stages.common.workers import in_workers
from stages.dataset.parts import is_malicious, part
from stages.dataset.storage import Stored, read_pixels, stored_in
from stages.network.allocator import keep_freed_memory
from stages.network.corruption import CORRUPTIONS
from stages.network.view import view
from stages.qr import symbol
from stages.qr.image import grey

# The undamaged picture is step 0 of every damage, and looked at once.
CASES = [("none", 0, 0.0)] + [
    (name, step, strength) for name in CORRUPTIONS for step, strength in enumerate(CORRUPTIONS[name].strengths, 1)
]
FRONT_ENDS = ("with", "without")

Views = tuple[np.ndarray, np.ndarray]  # what `look` returns


def main() -> None:
    """Draw the images, score them in every case and write the tables."""
    params = load_params()
    symbol.require_zbar()
    rows = sample_rows(read_table(SPLITS), params.robustness)
    probability, decoded, threshold = score(stored_in(rows), params)
    table = tabulate(is_malicious(rows), probability, decoded, threshold)
    straightened = table[table["front_end"] == "with"]
    with replacing(ROBUSTNESS) as folder:
        folder.mkdir()
        table.drop(columns="step").round(6).to_csv(folder / "robustness.csv", index=False)
        for front_end, rows_of_it in table.groupby("front_end"):
            curves(rows_of_it, "accuracy").to_csv(folder / f"accuracy_{front_end}.csv")
        curves(straightened, "decode_rate").to_csv(folder / "decode_rate.csv")
    undamaged, damaged = straightened.iloc[0], straightened.iloc[1:]
    worst = damaged.loc[damaged["accuracy"].idxmin()]
    stdout.print(
        f"{ROBUSTNESS}: {len(rows):,} test images, accuracy {undamaged['accuracy']:.3f} undamaged, "
        f"at worst {worst['accuracy']:.3f} ({worst['damage']} {worst['strength']:g} {worst['unit']})"
    )


def sample_rows(rows: pd.DataFrame, settings: Robustness) -> pd.DataFrame:
    """Up to `robustness.images` rows of the test part at random, as many of one class as of the other."""
    test = part(rows, "test")
    fewest = int(test["label"].value_counts().min())
    each = min(fewest, max(settings.images // len(CLASSES), 1))
    return test.groupby("label").sample(each, random_state=settings.seed).sort_index()


def score(images: list[Stored], params: Params) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilities float64 (images, cases, front ends), decoded bool (images, cases), the model's threshold."""
    # Worker processes load this module too, and need no torch.
    import torch

    from stages.network.data import as_tensor
    from stages.network.trained import choose_device, load_trained

    keep_freed_memory()
    trained = load_trained(MODEL, choose_device(params.train.device))
    probability, decoded = [], []
    with progress() as bar:
        for squares, readable in bar.track(look_at_all(images, params), len(images), description="robustness"):
            # Where the front end leaves a picture alone, its square is the other's, and computed once.
            contents = [one.tobytes() for one in squares]
            _, first, which = np.unique(contents, return_index=True, return_inverse=True)
            pixels = torch.stack([as_tensor(squares[i]) for i in first])
            probability.append(trained.probability(pixels)[which].reshape(len(CASES), len(FRONT_ENDS)))
            decoded.append(readable)
    return np.stack(probability), np.stack(decoded), trained.threshold


def look_at_all(images: list[Stored], params: Params) -> Iterator[Views]:
    """`look` at each of `images`, in their order, in worker processes."""

    def failed(item: tuple[int, Stored], why: str) -> Views:
        raise StageError(f"{item[1].path}, damaged: {why}; take the image out of the folder, or raise scan.timeout")

    work = partial(look, folder=params.data.images, seed=params.robustness.seed, max_pixels=params.scan.max_pixels)
    items = list(enumerate(images))
    return in_workers(work, items, failed, params.scan.timeout * len(CASES), params.scan.workers)


def look(item: tuple[int, Stored], folder: Path, seed: int, max_pixels: int) -> Views:
    """One image in all CASES, `item` being its position and its place in `folder`; runs in a worker.

    Returns the squares for the network, uint8 (cases x front ends, 224, 224) or (..., 224, 224, 3), and
    whether pyzbar reads the picture, bool (cases,). `seed` is completed by position, damage and step, so
    that neither the number of workers nor another damage changes a result.
    """
    position, undamaged = item[0], read_pixels(folder, item[1], max_pixels)
    squares, readable = [], []
    for name, step, strength in CASES:
        pixels = undamaged
        if step:
            rng = np.random.default_rng((seed, position, list(CORRUPTIONS).index(name), step))
            pixels = CORRUPTIONS[name](undamaged, strength, rng)
        squares += [view(pixels), view(pixels, straighten=False)]  # in the order of FRONT_ENDS
        readable.append(symbol.read_symbol(grey(pixels)).decoded)
    return np.stack(squares), np.array(readable)


def tabulate(truth: np.ndarray, probability: np.ndarray, decoded: np.ndarray, threshold: float) -> pd.DataFrame:
    """A row for each case and front end: damage, step, strength, unit, front_end, images and the three figures.

    `truth` (images,) of 0 and 1; the others as `score` returns them.
    """
    table = []
    for case, (name, step, strength) in enumerate(CASES):
        for i, front_end in enumerate(FRONT_ENDS):
            row = {"damage": name, "step": step, "strength": strength, "unit": CORRUPTIONS[name].unit if step else ""}
            scores = probability[:, case, i]
            row |= {"front_end": front_end, "images": len(truth)}
            row |= {"accuracy": float(((scores >= threshold) == truth).mean())}
            row |= {"auc": float(metrics.roc_auc_score(truth, scores)), "decode_rate": float(decoded[:, case].mean())}
            table.append(row)
    return pd.DataFrame(table)


def curves(table: pd.DataFrame, figure: str) -> pd.DataFrame:
    """`figure` with a row a step and a column a damage; every damage begins with the undamaged picture."""
    wide = table.pivot_table(figure, "step", "damage", sort=False)
    return wide[list(CORRUPTIONS)].fillna(wide.loc[0, "none"]).round(6)


if __name__ == "__main__":
    run_stage(main)
