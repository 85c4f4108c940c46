"""The program that judges QR codes in pictures, PDF files, mails and pages: `qr-gate-predict`."""

import os
import sys
from pathlib import Path

# `python -m stages.predict` puts the current folder before all libraries: a file called cv2.py in a folder of
# evidence would be run. While `python -m` looks for the module, sys.argv[0] is "-m". The folder stays where it is
# the one that has this package. (Python itself starts with that folder, too: see `python -P`, or use the program.)
if sys.argv[:1] == ["-m"] and not sys.flags.safe_path and Path(sys.path[0]) != Path(__file__).parents[2]:
    del sys.path[0]
os.environ["PYTHONSAFEPATH"] = "1"  # for the worker processes
