import math
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch import Tensor, nn

from stages.training.passes import LOOK_EVERY, Diverged, Timed, train_epoch, validate_epoch

Batch = tuple[Tensor, Tensor]
# Lightning takes it for GPUs only, but it works on a CPU, too.
FLOAT16 = partial(MixedPrecision, "16-mixed", "cpu")


class Given:
    """Batches as the loader gives them."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        self.batch_sampler = SimpleNamespace(sizes=[len(labels) for _, labels in batches])

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)


def batches(*labels: list[int], seed: int = 0) -> list[Batch]:
    torch.manual_seed(seed)
    return [(torch.randn(len(own), 3) + torch.tensor(own)[:, None], torch.tensor(own)) for own in labels]


def epoch(
    given: list[Batch],
    rate: float = 0.0,
    clip: float | None = None,
    float16: bool = False,
    done: list[int] | None = None,
) -> tuple[dict[str, float], nn.Module, int]:
    """The scores of one pass, the network after it, and how often it said that a batch was done."""
    torch.manual_seed(1)
    fabric, net = Fabric(accelerator="cpu", plugins=FLOAT16() if float16 else None), nn.Linear(3, 2)
    model, optimizer = fabric.setup(net, torch.optim.SGD(net.parameters(), lr=rate))
    done = [] if done is None else done
    return train_epoch(fabric, model, optimizer, Timed(Given(given)), clip, lambda: done.append(1)), net, len(done)


def test_its_scores_are_those_of_the_batches() -> None:
    given = batches([0, 1, 1], [1, 1, 1], [0, 0, 1])
    scores, net, done = epoch(given)  # at rate 0 the weights stay
    losses, norms = [], []
    for inputs, labels in given:
        net.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), labels)
        loss.backward()
        losses.append(loss.item())
        norms.append(math.sqrt(sum(float((p.grad**2).sum()) for p in net.parameters() if p.grad is not None)))
    assert scores["train/loss"] == pytest.approx(np.mean(losses))
    assert scores["train/first_loss"] == pytest.approx(losses[0])
    assert scores["train/one_class_batches"] == pytest.approx(1 / 3)
    assert scores["gradient/norm"] == pytest.approx(max(norms), rel=1e-5)
    assert scores["gradient/clipped"] == 0
    assert epoch(given, clip=sorted(norms)[1] * 0.99)[0]["gradient/clipped"] == pytest.approx(2 / 3)
    assert done == 3


def test_it_learns() -> None:
    given = batches([0, 1] * 4) * 20
    scores, net, _ = epoch(given, rate=0.5)
    assert nn.functional.cross_entropy(net(given[0][0]), given[0][1]) < 0.7 * scores["train/first_loss"]


def test_a_loss_that_is_not_finite_ends_it_with_the_batch() -> None:
    given = batches([0, 1], [0, 1])
    given[1][0][0, 0] = math.inf
    with pytest.raises(Diverged, match=r"batch 2: the loss became (nan|inf)"):
        epoch(given)


def test_values_of_the_device_are_read_once_in_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """To read one is to wait for the device: a tensor becomes a number of Python only there."""
    read: list[int] = []

    def counted(tensor: Tensor) -> Any:
        read.append(len(tensor))
        return tolist(tensor)

    tolist = Tensor.tolist
    monkeypatch.setattr(Tensor, "tolist", counted)
    for name in ("item", "__float__", "__bool__", "__int__"):
        monkeypatch.setattr(Tensor, name, lambda _: pytest.fail("a number of the device was asked for"))
    given = batches(*[[0, 1]] * (LOOK_EVERY + 3))
    scores, _, done = epoch(given, clip=0.5)
    assert (read, done) == ([LOOK_EVERY, 3], len(given))
    assert math.isfinite(scores["train/loss"])


@pytest.mark.parametrize(("bad", "steps"), [(1, LOOK_EVERY), (LOOK_EVERY, LOOK_EVERY), (LOOK_EVERY + 1, 60)])
def test_the_first_loss_that_is_not_finite_is_named_within_so_many_steps(bad: int, steps: int) -> None:
    given = batches(*[[0, 1]] * 60)
    given[bad - 1][0][0, 0] = math.inf
    done: list[int] = []
    with pytest.raises(Diverged, match=rf"batch {bad}: the loss became (nan|inf)"):
        epoch(given, done=done)
    assert len(done) == steps


def test_a_validation_loss_that_is_no_number_shows() -> None:
    given = batches([0, 1, 1], [1, 0])
    given[1][0][0, 0] = math.nan
    scores = validate_epoch(Fabric(accelerator="cpu"), nn.Linear(3, 2), given)
    assert math.isnan(scores["val/loss"])


def test_steps_that_float16_skips_are_no_divergence() -> None:
    given = batches([0, 1], [0, 1], [0, 1])
    given[1][0].fill_(1000)  # alike, so that one answer is wrong: its scaled gradient is beyond float16
    scores, net, done = epoch(given, rate=1e-6, clip=1e-3, float16=True)
    whole, _, _ = epoch([given[0], given[2]], rate=1e-6)
    assert scores["gradient/norm"] == pytest.approx(whole["gradient/norm"], rel=1e-2)
    assert scores["gradient/clipped"] == 1.0
    assert all(weight.isfinite().all() for weight in net.parameters())
    assert done == 3
    skipped, _, _ = epoch([given[1]], float16=True)
    assert (skipped["gradient/norm"], skipped["gradient/clipped"]) == (0.0, 0.0)


def test_in_float32_a_gradient_that_is_not_finite_is_seen() -> None:
    given = batches([0, 1], seed=1)
    given[0][0].fill_(3e30)  # whose square, in the norm, is beyond float32; the loss is that of equal logits
    torch.manual_seed(1)
    net = nn.Linear(3, 2)
    nn.init.zeros_(net.weight)
    fabric = Fabric(accelerator="cpu")
    model, optimizer = fabric.setup(net, torch.optim.SGD(net.parameters(), lr=0.0))
    scores = train_epoch(
        fabric, model, optimizer, Timed(Given([(given[0][0], torch.tensor([0, 0]))])), None, lambda: None
    )
    assert scores["gradient/norm"] == math.inf


def test_validation_agrees_with_sklearn() -> None:
    given = batches([0, 1, 1, 0], [1, 0, 1], seed=3)
    torch.manual_seed(5)
    net = nn.Linear(3, 2)
    scores: dict[str, Any] = validate_epoch(Fabric(accelerator="cpu"), net, given)
    truth = np.concatenate([labels.numpy() for _, labels in given])
    with torch.inference_mode():
        probability = torch.cat([net(inputs).softmax(1)[:, 1] for inputs, _ in given]).numpy()
    assert scores == pytest.approx(
        {
            "val/loss": log_loss(truth, probability),
            "val/accuracy": accuracy_score(truth, probability > 0.5),
            "val/auc": roc_auc_score(truth, probability),
            "val/called_malicious": (probability > 0.5).mean(),
        },
        rel=1e-4,
    )
    assert not net.training
