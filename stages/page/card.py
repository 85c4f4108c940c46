"""The model card for programs: what predict says of a model and lets it say (stages/predict/standing.py)."""

from typing import Any

from stages.page.inputs import Inputs
from stages.page.verdict import Answer


def card_data(inputs: Inputs, deploy: Answer) -> dict[str, Any]:
    """models/card.json: `weights_sha256` of the model it belongs to, and what the report answers to "deploy?".

    `deploy` is yes, no or not shown, `why` the sentence with it. `trained_on`: how many images of what.
    `test` is reports/test.json. The file has a checksum, `seal`, beside these (stages/common/seal.py).
    """
    train = inputs.rows[inputs.rows["part"] == "train"]
    return {
        "weights_sha256": inputs.about["weights_sha256"],
        "deploy": deploy.word,
        "why": deploy.sentence,
        "trained_on": {"images": len(train), "data": inputs.dataset},
        "test": inputs.figures["test"],
    }
