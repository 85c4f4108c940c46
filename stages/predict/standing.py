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
    trained with, None where nobody knows.
    """

    deploy: str
    sentence: str
    versions: frozenset[int] | None


def standing(model: Path, about: dict[str, Any]) -> Standing:
    """The standing of the model whose file says `about` of it. A card of another model counts as none."""
    card = _card(model.with_name(CARD_DATA.name), about)
    found = card.get("versions") or about.get("versions")
    versions = frozenset(int(version) for version in found) if found else None
    deploy = str(card.get("deploy", "unknown"))
    metrics = about.get("metrics", {})
    parts = [f"model {model}, trained on {_trained_on(card, about)}"]
    if test := card.get("test"):
        parts.append(
            f"calls {test['false_positive_rate']:.0%} of benign and {test['recall']:.0%} of malicious codes malicious "
            f"on its test part (AUC {test['auc']:.3f})"
        )
        parts.append(_elsewhere(card.get("elsewhere")))
    elif "val_auc" in metrics:
        parts.append(f"AUC {metrics['val_auc']:.3f} on its validation part; false alarms unknown")
    else:
        parts.append("false alarms and AUC unknown")
    verdicts = {"yes": "the report is for deploying it", "unknown": f"no {CARD_DATA.name} beside it: unproven"}
    parts.append(verdicts.get(deploy, "the report says: do not deploy it"))
    return Standing(deploy, "; ".join(parts), versions)


def _card(path: Path, about: dict[str, Any]) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        return card if card["weights_sha256"] == about.get("weights_sha256") else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _trained_on(card: dict[str, Any], about: dict[str, Any]) -> str:
    trained = card.get("trained_on", {})
    if not trained:
        return f"data {str(about.get('data_sha256', 'unknown'))[:8]}"
    return f"{trained['images']:,} codes of {trained['data']}"


def _elsewhere(figures: dict[str, Any] | None) -> str:
    return f"elsewhere AUC {figures['auc']:.3f}" if figures else "elsewhere not measured"
