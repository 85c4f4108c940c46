"""Temperature and threshold of the trained network, learned on the val part.

Writes models/calibration.json, which names the weights it belongs to and lies beside them wherever they are
used, and reports/val.json, the scores of the calibrated network on the val part, with the keys of
reports/test.json. Both numbers are learned from that part, so these scores are a little too good.
"""

import json

import numpy as np
from scipy.special import softmax
from torch.utils.data import DataLoader

from stages.common.artefacts import CALIBRATION, MODEL, SPLITS, VAL_FIGURES, read_table
from stages.common.cli import StageError, progress, run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.settings import Params, load_params
from stages.dataset.identity import require_same_data
from stages.dataset.parts import is_malicious
from stages.evaluation.metrics import compute_scores, headline
from stages.network.allocator import keep_freed_memory
from stages.network.calibration import temperature, threshold
from stages.network.data import Images, visible
from stages.network.device import choose_device
from stages.network.model_file import Calibration
from stages.network.trained import Network, load_network


def main() -> None:
    """Ask the network about the val part once, learn both numbers, write and show them."""
    params = load_params()
    keep_freed_memory()
    network = load_network(MODEL, choose_device(params.train.device))
    rows = read_table(SPLITS)
    require_same_data(rows, network.about, MODEL)
    val = rows[(rows["part"] == "val") & visible(rows, network.architecture.input)]
    logits, truth = logits_of(network, Images(val, params, network.architecture.input), params), is_malicious(val)
    if not np.isfinite(logits).all():
        raise StageError(f"{MODEL} answers NaN for images of the val part: see `python -m stages.diagnose`")

    heat = temperature(logits, truth)
    probability = softmax(logits / heat, axis=1)[:, 1]
    at = threshold(truth, probability, params.calibrate.max_false_positives)
    about = network.about
    found = Calibration(
        temperature=heat,
        threshold=at,
        weights_sha256=about["weights_sha256"],
        data_sha256=about.get("data_sha256"),
    )
    with replacing(CALIBRATION) as temporary:  # with all digits, unlike other JSON: the threshold separates two rows
        temporary.write_text(json.dumps(found.model_dump(), indent=2) + "\n")
    report = headline(compute_scores(truth, probability, at))
    write_json(VAL_FIGURES, report)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in report.items())
    stdout.print(f"{CALIBRATION}: temperature {heat:.4g}, threshold {at:.4g}; on val {shown}")


def logits_of(network: Network, images: Images, params: Params) -> np.ndarray:
    """What `network` answers to `images`, in their order: float64 (n, 2)."""
    batches = DataLoader(images, params.train.batch_size)
    with progress() as bar:
        return np.concatenate([network.logits(batch) for batch, _ in bar.track(batches, description="calibrate")])


if __name__ == "__main__":
    run_stage(main)
