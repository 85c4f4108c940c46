"""Files in this folder are the stages of dvc.yaml, and nothing imports them; below it is the library.

Imports point down this list (a package may import those after it, and itself):

    stages, commands, predict    what is run: by DVC; by hand; on pictures of your own
    page                         what people read: pages, charts, captions
    gate                         the checks of the data
    evaluation                   metrics with intervals, and the baselines
    diagnosis                    symptoms of a training that went wrong
    training                     the loop: processes, passes, checkpoint
    network                      the network, what it sees, its file
    dataset                      where images lie, their rows in the tables, the parts
    qr                           reading pictures of QR codes
    payload                      what can be said of a payload without opening it
    common                       settings, files, errors, workers

tests/test_structure.py holds this.

    dvc repro                    # run whatever is out of date
    python -m stages.validate    # run one stage by hand, on what lies in data/
"""

import warnings

LAYERS = (
    "stages", "commands", "predict", "page", "gate", "evaluation", "diagnosis", "training", "network", "dataset", "qr",
    "payload", "common",
)  # fmt: skip

# dvclive depends on a package that torch warns of at every start; the user can do nothing about it.
warnings.filterwarnings("ignore", "The pynvml package is deprecated", FutureWarning)
