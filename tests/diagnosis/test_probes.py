import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from stages.common.settings import Params, load_params
from stages.diagnosis.probes import activations, contrast, distinct, fresh, overfit_one_batch
from tests.helpers import PARAMS

NOISE = torch.randint(0, 256, (4, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
BLANK = torch.full((4, 3, 224, 224), 255, dtype=torch.uint8)
LABELS = torch.tensor([0, 1, 0, 1])


@pytest.fixture
def params() -> Params:
    raw = load_params(PARAMS).model_dump(by_alias=True)
    raw["model"] |= {"hidden": [8], "dropout": 0.9}
    return Params.model_validate(raw)


def test_inputs_are_distinct_where_people_would_see_it() -> None:
    assert distinct(NOISE, (0, 255)) == 1.0
    assert distinct(BLANK, (0, 255)) == 0.25
    barely = BLANK.clone()
    barely[0] -= 2
    assert distinct(barely, (0, 255)) == 0.25


def test_contrast_is_the_span_of_an_input() -> None:
    assert contrast(NOISE, (0, 255)) == 1.0
    assert contrast(BLANK, (0, 255)) == 0.0
    halves = torch.full((3, 1, 4, 4), 100, dtype=torch.uint8)
    halves[..., :2] = 151
    assert contrast(halves, (0, 255)) == pytest.approx(0.2)


def test_deviation_and_dead_units_of_every_layer_are_measured() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(4, 3))  # type: ignore[operator]
        net[0].bias.copy_(torch.tensor([0.0, 0.0, -100.0, 0.0]))  # type: ignore[operator]
    batch = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    found = activations(net, batch)
    assert found.keys() == {"0", "1"}
    assert found["1"]["dead"] == 0.5  # below zero, or never moved
    assert found["0"]["deviation"] == pytest.approx(net[0](batch).std().item())


def test_one_batch_of_pictures_is_overfitted_and_a_blank_one_is_not(params: Params) -> None:
    fabric = Fabric(accelerator="cpu")
    first, pictures, blank = (
        overfit_one_batch(fabric, params, batch, LABELS, steps)
        for batch, steps in ((NOISE, 1), (NOISE, 15), (BLANK, 15))
    )
    assert pictures < first / 4
    assert blank > 0.6  # chance is ln 2 = 0.693


def test_a_fresh_network_is_the_one_that_training_began_with(params: Params) -> None:
    one, two = fresh(params).state_dict(), fresh(params).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
