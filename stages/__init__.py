"""The stages of dvc.yaml, one file each; what is no stage lies one folder deeper, by subject.

dvc repro                   # run whatever is out of date
python -m stages.validate   # run one stage by hand, on what lies in data/
"""

import warnings

# dvclive depends on a package that torch warns of at every start; the user can do nothing about it.
warnings.filterwarnings("ignore", "The pynvml package is deprecated", FutureWarning)
