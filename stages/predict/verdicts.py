"""What the network says of codes, and what there is to say where it is not asked."""

from collections.abc import Iterator
from itertools import islice

import torch

from stages.common.cli import StageError
from stages.network.data import as_tensor
from stages.network.trained import Trained
from stages.predict.codes import Code
from stages.predict.output import Row
from stages.qr.problem import Problem

UNREADABLE = "unreadable file"
NAMES = {  # for problems whose short code is no English
    Problem.NO_CODE: "no QR code",
    Problem.MICRO_QR: "Micro QR code",
    Problem.OTHER_SYMBOLOGY: "other barcode",
    Problem.UNREADABLE: UNREADABLE,
}


def verdicts(found: Iterator[Code], trained: Trained, threshold: float, batch_size: int) -> Iterator[list[Row]]:
    """Rows (stages.predict.output.ANSWER_COLUMNS) for `found`, in its order, at most `batch_size` of them at a time.

    `probability` is Trained.probability, a float in 0..1, or None where there is no code to judge.
    Raises StageError where the network answers NaN, which would otherwise pass for benign.
    """
    while batch := list(islice(found, batch_size)):
        pixels = [as_tensor(code.pixels) for code in batch if code.pixels is not None]
        answers = trained.probability(torch.stack(pixels)).tolist() if pixels else []
        if not all(0 <= answer <= 1 for answer in answers):
            raise StageError("the network of --model answers with what is no number; train it again")
        probabilities = iter(answers)
        yield [_row(code, None if code.pixels is None else next(probabilities), threshold) for code in batch]


def _row(code: Code, probability: float | None, threshold: float) -> Row:
    if probability is None:
        verdict = NAMES.get(code.problem, code.problem.replace("_", " "))
    else:
        verdict = "malicious" if probability >= threshold else "benign"
    return {
        "path": code.path,
        "code": code.index,
        "verdict": verdict,
        "probability": probability,
        "threshold": threshold,
        "payload": code.payload,
        "problem": code.error,
    }
