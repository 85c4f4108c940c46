"""What the figures of a model are worth, by the data card that `report` writes beside it: models/card.json."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.common.artefacts import CARD_DATA


@dataclass(frozen=True)
class Standing:
    """`deploy`: what the report answers to "Would you deploy it?": yes, no, not shown, or unknown without a card.

    `sentence` is the line for people; `versions` are the symbol versions that the network has been
    trained with, None where its file does not say.
    """

    deploy: str
    sentence: str
    versions: frozenset[int] | None


def standing(model: Path, about: dict[str, Any]) -> Standing:
    """The standing of the model whose file says `about` of it. A card of another model counts as none."""
    card = _card(model.with_name(CARD_DATA.name), about)
    known = about.get("versions")
    versions = frozenset(map(int, known)) if known else None
    deploy = str(card.get("deploy", "unknown"))
    worth = {"yes": "the report is for deploying it", "unknown": f"no {CARD_DATA.name} of it beside it: not proven"}
    parts = [
        f"model {model}, trained on {_trained_on(card, about)}",
        _figures(card.get("test"), about.get("metrics", {})),
        worth.get(deploy, "the report says: do not deploy it"),
        "" if versions else "which symbol versions it has seen is unknown",
    ]
    return Standing(deploy, "; ".join(filter(None, parts)), versions)


def _figures(test: dict[str, float] | None, metrics: dict[str, Any]) -> str:
    if test:
        elsewhere = f"AUC {test['auc_elsewhere']:.3f}" if test.get("auc_elsewhere") is not None else "not measured"
        return (
            f"on its test part it calls {test['false_positives']:.0%} of benign and {test['recall']:.0%} of malicious "
            f"codes malicious (AUC {test['auc']:.3f}); elsewhere {elsewhere}"
        )
    known = f"AUC {metrics['val_auc']:.3f} on its validation part" if "val_auc" in metrics else "AUC unknown"
    return f"{known}, false alarms unknown"


def _card(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return card if card["weights_sha256"] == about.get("weights_sha256") else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _trained_on(card: dict[str, Any], about: dict[str, Any]) -> str:
    if trained := card.get("trained_on"):
        return f"{trained['images']:,} codes of {trained['data']}"
    return f"the data {str(about['data_sha256'])[:8]}" if "data_sha256" in about else "unknown data"
