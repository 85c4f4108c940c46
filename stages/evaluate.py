"""Score the test part once, and beside it what rules score that never look at the picture.

Writes reports/test.json (metrics of the network; of the majority class and of payload length on
the same rows) and reports/evaluate/ (ROC curve and confusion matrix, as DVC plots).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn import metrics
from torch.utils.data import DataLoader

from stages.baselines import rules
from stages.baselines.rules import malicious
from stages.common.cli import StageError, progress, run, stdout
from stages.common.files import replacing, write_json
from stages.common.settings import CLASSES, Params, load
from stages.common.tables import MODEL, SPLITS, read
from stages.network import store
from stages.network.data import Images

REPORT = Path("reports/test.json")
PLOTS = Path("reports/evaluate")


def main() -> None:
    """Score the test part and write metrics and plots."""
    params = load()
    rows = read(SPLITS)
    train, test = rows[rows["part"] == "train"], rows[rows["part"] == "test"]
    truth = malicious(test)
    if len(np.unique(truth)) < 2:
        raise StageError("the test part lacks a class or is empty: see split.test and the split's own messages")
    probability = predict(test, params)
    scores = score(truth, probability, params.evaluate.threshold)
    write_plots(truth, probability, params.evaluate.threshold)
    baselines = {"majority": majority(train, test), "length_rule": length_rule(train, test)}
    write_json(REPORT, {"images": len(test), **scores, **baselines})
    stdout.print(
        f"test part, {len(test):,} images: accuracy {scores['accuracy']:.3f}, AUC {scores['auc']:.3f}; "
        f"payload length alone: accuracy {baselines['length_rule']['accuracy']:.3f}, "
        f"AUC {baselines['length_rule']['auc']:.3f}; majority class: {baselines['majority']['accuracy']:.3f}"
    )


@torch.inference_mode()
def predict(rows: pd.DataFrame, params: Params) -> np.ndarray:
    """Probability of being malicious for the images of `rows`, float64 (n,) in 0..1, in float32 on any device."""
    device = "cuda" if params.train.device in ("auto", "cuda") and torch.cuda.is_available() else "cpu"
    net, _ = store.load(MODEL)
    net = net.to(device)
    batches = DataLoader(Images(rows, params), params.evaluate.batch_size)
    with progress() as bar:
        parts = [net(pixels.to(device)).softmax(1)[:, 1].cpu() for pixels, _ in bar.track(batches, description="test")]
    return torch.cat(parts).double().numpy()


def score(truth: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, float]:
    """The usual metrics; malicious is the positive class, predicted from `threshold` on."""
    predicted = (probability >= threshold).astype(np.int64)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, predicted, average="binary", zero_division=0.0
    )
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "auc": float(metrics.roc_auc_score(truth, probability)),
        "log_loss": metrics.log_loss(truth, probability, labels=[0, 1]),
    }


def majority(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """What always answering the larger class of the train part scores on the test part."""
    answer = int(malicious(train).mean() >= 0.5)
    return {"accuracy": float((malicious(test) == answer).mean())}


def length_rule(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """What payload length alone scores on the test part, by a rule learned on the train part."""
    rule = rules.learn("length", train["payload"].str.len().to_numpy(), malicious(train))
    return rule.score(test["payload"].str.len().to_numpy(), malicious(test))


def write_plots(truth: np.ndarray, probability: np.ndarray, threshold: float) -> None:
    """ROC points and one (actual, predicted) row an image, as `dvc plots` wants them."""
    false_positive, true_positive, cuts = metrics.roc_curve(truth, probability)
    roc = pd.DataFrame({"false_positive_rate": false_positive, "true_positive_rate": true_positive, "threshold": cuts})
    names = np.array(CLASSES)
    confusion = pd.DataFrame({"actual": names[truth], "predicted": names[(probability >= threshold).astype(int)]})
    with replacing(PLOTS) as folder:
        folder.mkdir()
        roc.round(6).to_csv(folder / "roc.csv", index=False)
        confusion.to_csv(folder / "confusion.csv", index=False)


if __name__ == "__main__":
    run(main)
