"""The answers: malicious, benign, or not judged and why."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from stages.payload.kind import Kind, kind_of
from stages.payload.safe import defang
from stages.predict.codes import Code
from stages.predict.model import BATCH, Scorer

SCHEMA = 1  # of the rows; a name that changes or goes makes it 2
# What is printed, in this order, see __main__.
COLUMNS = (
    "schema", "file", "part", "code", "verdict", "reason", "detail", "probability", "threshold", "kind", "scheme",
    "host", "registrable_domain", "payload", "payload_defanged", "decoder", "symbol_version", "corners",
    "file_sha256", "picture_sha256", "model_sha256",
)  # fmt: skip
Row = dict[str, Any]
NOT_JUDGED = "not judged"


def verdicts(
    found: Iterator[list[list[Code]]], scorer: Scorer, threshold: float, versions: frozenset[int] | None
) -> Iterator[list[Row]]:
    """Rows of COLUMNS for lists of the codes of files, in their order. Skipped files have none.

    `probability` is a float in 0..1, or None where the network was not asked. Raises as Scorer.probability.
    """
    for files in found:
        codes = [_judgeable(code, versions) for code in chain.from_iterable(files) if not code.skipped]
        asked = [code.seen for code in codes if code.seen is not None]
        answers = iter([p for i in range(0, len(asked), BATCH) for p in scorer.probability(asked[i : i + BATCH])])
        yield [_row(code, None if code.seen is None else next(answers), threshold, scorer.sha256) for code in codes]


def _judgeable(code: Code, versions: frozenset[int] | None) -> Code:
    """`code`, without what the network sees where the network has never seen its like: it would answer all the same."""
    if code.seen is None or code.payload is None:
        return code
    kind = kind_of(code.payload)
    if kind.name != "url":
        words = f"{kind.name} ({kind.scheme}:)" if kind.scheme else kind.name
        return replace(code, seen=None, reason="not_url", detail=f"not a URL, but {words}; the network knows URLs")
    if versions is not None and code.version not in versions:
        detail = f"symbol version {code.version}; the network was trained with {_ranges(versions)}"
        return replace(code, seen=None, reason="unseen_version", detail=detail)
    return code


def _row(code: Code, probability: float | None, threshold: float, model: str) -> Row:
    kind = kind_of(code.payload) if code.payload is not None else None
    verdict = NOT_JUDGED if probability is None else "malicious" if probability >= threshold else "benign"
    return {
        "schema": SCHEMA,
        "file": code.path,
        "part": code.where,
        "code": code.index,
        "verdict": verdict,
        "reason": code.reason,
        "detail": code.detail,
        "probability": probability,
        "threshold": threshold,
        "kind": kind and kind.name,
        "scheme": kind and kind.scheme,
        "host": kind and kind.host,
        "registrable_domain": kind and kind.registrable_domain,
        "payload": code.payload,
        "payload_defanged": None if kind is None else _defanged(code.payload or "", kind),
        "decoder": code.decoder,
        "symbol_version": code.version,
        "corners": None if code.corners is None else code.corners.round(1).tolist(),
        "file_sha256": code.file_sha256,
        "picture_sha256": code.picture_sha256,
        "model_sha256": model,
    }


def _defanged(payload: str, kind: Kind) -> str:
    # Terminals make links of tel: and bitcoin:, too.
    return defang(payload if kind.name == "url" else payload.replace(":", "[:]", 1) if kind.scheme else payload)


def _ranges(versions: frozenset[int]) -> str:
    ordered = sorted(versions)
    starts = [v for v in ordered if v - 1 not in versions]
    ends = [v for v in ordered if v + 1 not in versions]
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))
