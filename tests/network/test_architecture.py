from typing import Any

import pytest
import torch

from stages.common.cli import StageError
from stages.common.settings import Model, load_params
from stages.network.architecture import architecture, chosen, names
from tests.helpers import PARAMS


def model(name: str, **settings: Any) -> Model:
    return Model.model_validate({"architecture": name, **settings})


def test_the_section_is_read_as_the_settings_of_its_architecture() -> None:
    settings = chosen(load_params(PARAMS).model)[1]
    assert settings.hidden == (256, 64)


@pytest.mark.parametrize("name", names())
def test_each_builds_what_it_says_and_comes_with_defaults(name: str) -> None:
    found, settings = chosen(model(name))
    takes = found.input
    batch = torch.full((2, *takes.shape), takes.blank, dtype=getattr(torch, takes.dtype))
    logits = found.build(settings).eval()(batch)
    assert (logits.shape, logits.dtype) == ((2, 2), torch.float32)
    assert found.describe(settings)
    assert takes.values[0] <= takes.blank <= takes.values[1]


def test_an_architecture_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(StageError, match=r"params\.yaml: model\.architecture is 'transformer', .* one of cnn"):
        architecture("transformer")


@pytest.mark.parametrize("name", ["../cnn", "cnn.py", "", "__init__"])
def test_only_a_name_is_a_name(name: str) -> None:
    with pytest.raises(StageError, match=r"model\.architecture is"):
        architecture(name)


def test_a_mistyped_setting_is_named_with_the_right_one() -> None:
    with pytest.raises(StageError) as error:
        chosen(model("cnn", batchnorm=True, weights="w.pt"))
    typo, _ = str(error.value).splitlines()
    no_such = "the architecture cnn has no such setting"
    assert typo == f"params.yaml: unknown key model.batchnorm: {no_such}; did you mean model.batch_norm?"


@pytest.mark.parametrize(
    ("key", "value"), [("hidden", []), ("hidden", [64, 0]), ("dropout", 1), ("init", "xavier"), ("batch_norm", "maybe")]
)
def test_an_impossible_value_is_named(key: str, value: object) -> None:
    with pytest.raises(StageError, match=rf"^params\.yaml: model\.{key}\S* is .*:"):
        chosen(model("cnn", **{key: value}))
