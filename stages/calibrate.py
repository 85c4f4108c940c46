"""Temperature and threshold of the trained network, learned on the val part.

Writes models/calibration.json, which names the weights it belongs to and lies beside them wherever they are
used, and reports/val.json, the scores of the calibrated network on the val part, with the keys of
reports/test.json. Both numbers are learned from that part, so these scores are a little too good.
"""

import json

import numpy as np

from stages.common.artefacts import CALIBRATION, MODEL, SPLITS, VAL_FIGURES, read_table
from stages.common.cli import StageError, run_stage, stdout
from stages.common.files import replacing, write_json
from stages.common.seal import BLANK, seal
from stages.common.settings import load_params
from stages.dataset.identity import require_same_data
from stages.dataset.parts import is_malicious, part
from stages.evaluation.metrics import compute_scores, headline
from stages.network.allocator import keep_freed_memory
from stages.network.calibration import temperature, threshold
from stages.network.data import visible
from stages.network.device import choose_device
from stages.network.model_file import Calibration, about_sha256
from stages.network.trained import load_network, logits_of, probability


def main() -> None:
    """Ask the network about the val part once, learn both numbers, write and show them."""
    params = load_params()
    keep_freed_memory()
    network = load_network(MODEL, choose_device(params.train.device))
    rows = read_table(SPLITS)
    require_same_data(rows, network.about, MODEL)
    val = part(visible(rows, network.architecture.input), "val")
    logits, truth = logits_of(network, val, params, params.train.batch_size, "calibrate"), is_malicious(val)
    if not np.isfinite(logits).all():
        raise StageError(f"{MODEL} answers NaN for images of the val part: see `python -m stages.diagnose`")

    divisor = temperature(logits, truth)
    scores = probability(logits, divisor)
    at = threshold(truth, scores, params.calibrate.max_false_positives)
    about = network.about
    found = Calibration(
        temperature=divisor,
        threshold=at,
        weights_sha256=about["weights_sha256"],
        data_sha256=about.get("data_sha256"),
        about_sha256=about_sha256(about),
        seal=BLANK,
    )
    with replacing(CALIBRATION) as temporary:  # with all digits, unlike other JSON: the threshold separates two rows
        temporary.write_text(json.dumps(found.model_dump(), indent=2) + "\n")
        seal(temporary)
    report = headline(compute_scores(truth, scores, at))
    write_json(VAL_FIGURES, report)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in report.items())
    stdout.print(f"{CALIBRATION}: temperature {divisor:.4g}, threshold {at:.4g}; on val {shown}")


if __name__ == "__main__":
    run_stage(main)
