from stages.commands.ablation.fixes import BEFORE, fixed, variants
from stages.common.settings import load_params
from tests.helpers import PARAMS

NOW = fixed(load_params(PARAMS))


def test_each_variant_is_one_fix_away() -> None:
    found = variants(NOW)
    assert len(found) == 16
    assert all(NOW[key] != before for key, before in BEFORE.items())
    for name, values in found.items():
        own = {key for key in BEFORE if values[key] == NOW[key]}
        if name.startswith("old-with-"):
            assert {key.rpartition(".")[2] for key in own} == {name.removeprefix("old-with-")}
        elif name.startswith("fixed-without-"):
            assert {key.rpartition(".")[2] for key in set(BEFORE) - own} == {name.removeprefix("fixed-without-")}
