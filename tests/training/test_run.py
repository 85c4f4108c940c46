from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from stages.common.settings import load_params
from stages.training.run import Run, new_run
from tests.helpers import set_params


@pytest.fixture
def run(project: Path) -> Run:
    return begin(project, 7)


def begin(project: Path, seed: int, float16: bool = False) -> Run:
    set_params(project, {"model.hidden": [4], "train.scheduler_patience": 0})
    torch.manual_seed(seed)
    # Lightning takes it for GPUs only, but it works on a CPU, too.
    fabric = Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu") if float16 else None)
    return new_run(load_params(), fabric, "16" if float16 else "32")


def first_weight(run: Run) -> torch.Tensor:
    return next(run.net.parameters())


def end_epoch(run: Run, loss: float) -> None:
    """As after an epoch that has changed a weight to `loss`."""
    with torch.no_grad():
        first_weight(run).fill_(loss)
    run.end_epoch({"val/loss": loss})


def test_the_weights_of_the_lowest_validation_loss_are_kept(run: Run) -> None:
    name = next(iter(run.best.weights))
    assert run.best.epoch == 0
    for loss in (0.7, 0.5, 0.6):
        end_epoch(run, loss)
    assert (run.best.epoch, run.best.loss) == (2, 0.5)
    assert (run.best.weights[name] == 0.5).all()
    assert (first_weight(run) == 0.6).all()


def test_it_is_stalled_after_as_many_epochs_without_a_lower_loss(run: Run) -> None:
    said = []
    for loss in (0.7, 0.5, 0.6, 0.5):
        end_epoch(run, loss)
        said.append((run.stalled(2), run.stalled(None)))
    assert said == [(False, False)] * 3 + [(True, False)]


def test_a_loss_that_is_no_number_is_never_the_best(run: Run) -> None:
    end_epoch(run, float("nan"))
    assert run.best.epoch == 0


def test_the_rate_is_reduced_where_the_loss_stays(run: Run) -> None:
    for loss in (0.5, 0.5, 0.5):
        end_epoch(run, loss)
    rates = [scores["learning_rate"] for scores in run.history]
    assert rates == [0.0005, 0.0005, 0.00025]


def test_another_run_goes_on_from_its_state(run: Run, project: Path) -> None:
    end_epoch(run, 0.5)
    other = begin(project, 8)
    assert not first_weight(other).equal(first_weight(run))
    other.load_state_dict(run.state_dict())
    assert first_weight(other).equal(first_weight(run))
    for each in (run, other):
        end_epoch(each, 0.6)
    assert other.history == run.history
    assert vars(other.best)["epoch"] == 1


def test_the_scale_of_float16_gradients_is_gone_on_with(project: Path) -> None:
    run, other = begin(project, 7, float16=True), begin(project, 7, float16=True)
    run.precision.scaler.load_state_dict(run.precision.scaler.state_dict() | {"scale": 128.0})
    other.load_state_dict(run.state_dict())
    assert other.precision.scaler.get_scale() == 128.0
    assert begin(project, 7).state_dict()["precision"] == {}
