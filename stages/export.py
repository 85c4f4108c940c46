"""Write the network as ONNX, for programs without PyTorch, and check it on every image of the test part.

Writes models/model.onnx and reports/export.json. The file has one input, named, shaped and prepared as its
architecture says (stages/network/architecture.py; for the cnn "pixels", uint8 (n, 3, 224, 224)), and one output,
"probability", float32 (n,) in 0..1 of being malicious: normalisation, network, temperature and sigmoid are inside.
What the model's own file says of it (stages.network.trained) is the metadata entry "about", as JSON; "seal" has a
checksum of the file (stages/common/seal.py).
"""

import json
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from stages.common.artefacts import EXPORT_FIGURES, MODEL, ONNX, SPLITS, read_table
from stages.common.cli import StageError, progress, run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.seal import BLANK, seal
from stages.common.settings import load_params
from stages.dataset.parts import part
from stages.network.data import Images, visible
from stages.network.trained import Trained, load_trained, probability

OPSET = 20  # of ONNX 1.15; named, so that another version of PyTorch writes the same operators


class Probability(nn.Module):
    """A batch of what the network takes to the calibrated probability of being malicious, float32 (n,)."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.net = trained.net
        self.temperature = trained.about["temperature"]

    def forward(self, batch: Tensor) -> Tensor:
        """See the class."""
        return probability(self.net(batch), self.temperature, torch.sigmoid)


def main() -> None:
    """Export the model; the file stays only if its answers are those of PyTorch."""
    params = load_params()
    trained = load_trained(MODEL)
    rows = read_table(SPLITS)
    takes = trained.architecture.input
    test = Images(part(visible(rows, takes), "test"), params, takes)
    with replacing(ONNX) as temporary:
        export(trained, temporary)
        difference, speeds = compare(trained, temporary, test, params.evaluate.batch_size)
        if not difference <= params.export.tolerance:  # NaN is not either
            raise StageError(
                f"{ONNX} was not kept: a probability differs from PyTorch's by {difference:.2g}, "
                f"more than export.tolerance = {params.export.tolerance:g}"
            )
        size = temporary.stat().st_size
    # Rounded up: its last digits depend on how many threads there are.
    report = {"images": len(test), "largest_difference": math.ceil(difference * 1e6) / 1e6}
    write_json(EXPORT_FIGURES, {**report, "bytes": size, "opset": OPSET})
    shown = ", ".join(f"{name} {speed:.0f} images/s" for name, speed in speeds.items())
    stdout.print(f"{ONNX}: {size:,} bytes, largest difference {difference:.1e} on {len(test):,} images; CPU: {shown}")


def export(trained: Trained, path: Path) -> None:
    """Write `trained`, which must be on the CPU, to `path`: the same bytes for the same model."""
    takes = trained.architecture.input
    example = torch.zeros((1, *takes.shape), dtype=getattr(torch, takes.dtype))
    with warnings.catch_warnings():
        # The exporter that is to follow this one needs the package onnxscript.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # of mean and deviation, which are constants
        torch.onnx.export(
            Probability(trained).eval(),
            (example,),
            path,
            input_names=[takes.name],
            output_names=["probability"],
            dynamic_axes={takes.name: {0: "n"}, "probability": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"about": json.dumps(trained.about, sort_keys=True), "seal": BLANK})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    seal(path)


def compare(trained: Trained, path: Path, images: Images, batch_size: int) -> tuple[float, dict[str, float]]:
    """(largest difference of a probability between ONNX and PyTorch, images a second of each), on the CPU."""
    takes = trained.architecture.input
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answer: dict[str, Callable[[Tensor], np.ndarray]] = {
        "PyTorch": trained.probability,
        "ONNX": lambda batch: session.run(["probability"], {takes.name: batch.numpy()})[0],
    }
    seconds = dict.fromkeys(answer, 0.0)
    difference = 0.0
    with progress() as bar:
        for seen, _ in bar.track(images.batches(batch_size), description="export"):
            batch = seen.expand(-1, *takes.shape).contiguous()
            results = {}
            for name, ask in answer.items():
                started = time.perf_counter()
                results[name] = ask(batch)
                seconds[name] += time.perf_counter() - started
            # The maximum of NumPy, unlike Python's, keeps NaN.
            difference = float(np.maximum(difference, np.abs(results["ONNX"] - results["PyTorch"]).max()))
    return difference, {name: len(images) / spent for name, spent in seconds.items()}


if __name__ == "__main__":
    run_stage(main)
