"""What the figures of a model are worth, by the data card that `report` writes beside it: models/card.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from stages.common.artefacts import CARD_DATA
from stages.common.cli import StageError
from stages.common.seal import require_sealed


@dataclass(frozen=True)
class Standing:
    """`deploy`: what the report answers to "Would you deploy it?": yes, no, not shown, or unknown without a card.

    `sentence` is the line for people; `versions` are the symbol versions that the network has been
    trained with, None where its file does not say.
    """

    deploy: str
    sentence: str
    versions: frozenset[int] | None


class Figures(BaseModel):
    """Of the test part, 0..1."""

    auc: float
    recall: float
    false_positives: float
    auc_elsewhere: float | None = None


class TrainedOn(BaseModel):
    """How many images of what."""

    images: int
    data: str


class Card(BaseModel):
    """What is used of models/card.json, which stages/page/card.py writes."""

    weights_sha256: str
    deploy: str
    trained_on: TrainedOn | None = None
    test: Figures | None = None


def standing(model: Path, about: dict[str, Any]) -> Standing:
    """The standing of the model whose file says `about` of it. A card that is damaged or of another model is none."""
    card, problem = _card(model.with_name(CARD_DATA.name), about)
    known = about.get("versions")
    versions = frozenset(map(int, known)) if known else None
    deploy = card.deploy if card else "unknown"
    worth = problem or {"yes": "the report is for deploying it"}.get(deploy, "the report says: do not deploy it")
    parts = [
        f"model {model}, trained on {_trained_on(card, about)}",
        _figures(card.test if card else None, about.get("metrics", {})),
        worth,
        "" if versions else "which symbol versions it has seen is unknown",
    ]
    return Standing(deploy, "; ".join(filter(None, parts)), versions)


def _figures(test: Figures | None, metrics: dict[str, Any]) -> str:
    if test:
        elsewhere = f"AUC {test.auc_elsewhere:.3f}" if test.auc_elsewhere is not None else "not measured"
        return (
            f"on its test part it calls {test.false_positives:.0%} of benign and {test.recall:.0%} of malicious "
            f"codes malicious (AUC {test.auc:.3f}); elsewhere {elsewhere}"
        )
    known = f"AUC {metrics['val_auc']:.3f} on its validation part" if "val_auc" in metrics else "AUC unknown"
    return f"{known}, false alarms unknown"


def _card(path: Path, about: dict[str, Any]) -> tuple[Card | None, str]:
    """The card at `path`; or None, and why there is none."""
    try:
        require_sealed(path, "copy it again, or run `dvc repro report`")
        card = Card.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None, f"no {path.name} of it beside it: not proven"
    except (StageError, ValidationError, OSError):
        return None, f"{path.name} beside it is damaged: not proven"
    if card.weights_sha256 != about.get("weights_sha256"):
        return None, f"no {path.name} of it beside it: not proven"
    return card, ""


def _trained_on(card: Card | None, about: dict[str, Any]) -> str:
    if card and card.trained_on:
        return f"{card.trained_on.images:,} codes of {card.trained_on.data}"
    return f"the data {str(about['data_sha256'])[:8]}" if "data_sha256" in about else "unknown data"
