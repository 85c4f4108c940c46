"""Files in this folder are the stages of dvc.yaml, and nothing imports them. The packages below it are the library.

A package imports only itself and the packages below it in this list:

    stages, commands, predict    run by DVC; run by hand; run on files of your own
    page                         pages for people, charts, captions
    gate                         the checks of the data
    evaluation                   metrics with intervals, and the baselines
    diagnosis                    symptoms of a training that went wrong
    training                     the loop: processes, passes, checkpoint
    network                      the networks, their input, the model file
    dataset                      images in folders and shards, labels, tables, the split
    qr                           reading pictures of QR codes
    payload                      features of a payload, its site, safe ways to show it
    common                       settings, files, errors, worker processes

tests/test_structure.py checks this. See README.md in this folder for a glossary.

    dvc repro                    # run whatever is out of date
    python -m stages.validate    # run one stage by hand, on what lies in data/
"""

import warnings

from stages.common.lifetime import end_with_starter

end_with_starter()

LAYERS = (
    "stages", "commands", "predict", "page", "gate", "evaluation", "diagnosis", "training", "network", "dataset", "qr",
    "payload", "common",
)  # fmt: skip

# dvclive depends on a package that torch warns of at every start; the user can do nothing about it.
warnings.filterwarnings("ignore", "The pynvml package is deprecated", FutureWarning)
