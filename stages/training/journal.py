"""What is told of a training while it runs: its curves on disk, a bar and a line an epoch on the terminal."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dvclive import Live
from scmrepo.exceptions import SCMError

from stages.common.artefacts import CURVES
from stages.common.cli import StageError, progress

Scores = dict[str, float]


@contextmanager
def curves(first: bool) -> Iterator[Callable[[int, Scores], None]]:
    """Yield a function that adds the scores of an epoch to the curves; only the `first` process has any.

    Raises StageError in a git repository without a commit, of which dvclive wants to know the last.
    """
    if not first:
        yield lambda _epoch, _scores: None
        return
    os.environ["DVC_STUDIO_OFFLINE"] = "true"  # no stage uses the internet, whatever the user's configuration says
    try:
        opened = Live(str(CURVES), save_dvc_exp=False, dvcyaml=False)
    except SCMError as error:
        raise StageError(
            f"the git repository here cannot tell its last commit ({error}): make one (git add, git commit), "
            "then train again"
        ) from None
    with opened as live:

        def log(epoch: int, scores: Scores) -> None:
            live.step = epoch
            for name, value in scores.items():
                live.log_metric(name, value)

        yield log


class Console:
    """A progress bar on stderr that counts batches, and a line above it for each epoch; by the `first` process."""

    def __init__(self, first: bool, batches: int, done: int) -> None:
        self.bar = progress()
        self.bar.disable = not first
        self.task = self.bar.add_task("train", total=batches, completed=done)
        self.told = False

    def advance(self) -> None:
        """Count a batch."""
        self.bar.advance(self.task)

    def tell(self, epoch: int, scores: Scores, speed: float, waiting: float) -> None:
        """Print an epoch's line: `speed` in images a second, `waiting` the share of the time without a batch."""
        if self.bar.disable:
            return
        if not self.told:
            self.bar.console.print("epoch  train loss  val loss  accuracy    AUC  images/s  waiting")
            self.told = True
        self.bar.console.print(
            f"{epoch:5d}{scores['train/loss']:12.4f}{scores['val/loss']:10.4f}{scores['val/accuracy']:10.3f}"
            f"{scores['val/auc']:7.3f}{speed:10.0f}{waiting:9.1%}"
        )
