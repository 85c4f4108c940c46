"""What the data must satisfy before a network may see it: one function a rule, one shape for all.

A rule looks at the scan table (one row a file, see stages/scan.py) and answers with a boolean
Series, True where a row is good, or with one bool for the table as a whole. Its name is the
pandera check's name. To add a rule is to add a function and its entry in RULES.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa

from stages.common.settings import Validate

CLASSES = ("benign", "malicious")


@dataclass(frozen=True)
class Rule:
    """`holds(table, settings)` is what must be true; `why` it matters; what to `do` where it is not."""

    holds: Callable[[pd.DataFrame, Validate], pd.Series | bool]
    why: str
    do: str

    @property
    def name(self) -> str:
        """The function's name, which is also the pandera check's."""
        return self.holds.__name__


@dataclass(frozen=True)
class Finding:
    """A rule that does not hold; `rows` are the table's offending rows (empty where the table as a whole offends)."""

    rule: Rule
    rows: pd.DataFrame


def has_images(table: pd.DataFrame, settings: Validate) -> bool:
    """The folder is not empty."""
    return len(table) > 0


def every_file_loads(table: pd.DataFrame, settings: Validate) -> pd.Series:
    """A file decodes to pixels, whole."""
    return table["width"].notna()


def label_is_known(table: pd.DataFrame, settings: Validate) -> pd.Series:
    """A row has one of CLASSES."""
    return table["label"].isin(CLASSES)


def both_classes_present(table: pd.DataFrame, settings: Validate) -> bool:
    """No class is missing; an empty table is has_images' finding."""
    return len(table) == 0 or set(CLASSES) <= set(table["label"])


def decode_rate(table: pd.DataFrame, settings: Validate) -> pd.Series | bool:
    """Where too few codes are read, the unread ones are the offending rows."""
    loaded = table["width"].notna()
    rate = table["decoded"][loaded].mean() if loaded.any() else 1.0
    return True if rate >= settings.min_decode_rate else table["decoded"] | ~loaded


def classes_near_half(table: pd.DataFrame, settings: Validate) -> bool:
    """The share of each class is within `balance_tolerance` of one half."""
    counts = table["label"].value_counts().reindex(CLASSES, fill_value=0)
    # One class alone is both_classes_present's finding; saying it twice helps nobody.
    return counts.min() == 0 or abs(counts["malicious"] / counts.sum() - 0.5) <= settings.balance_tolerance


RULES = [
    Rule(has_images, "there is nothing to learn from",
         "set data.images in params.yaml to the folder that holds your images, one folder a class"),
    Rule(every_file_loads, "a file that is no whole image teaches noise or stops the training",
         "download or export these files again, or move them out of the folder"),
    Rule(label_is_known, "an image without a class cannot be learned from",
         "rename the folder, or name it in data.classes in params.yaml"),
    Rule(both_classes_present, "with one class, always giving that answer is 100 % right",
         "add the missing class; a folder of another name belongs into data.classes in params.yaml"),
    Rule(decode_rate, "an unreadable code has a label, but nothing in the picture that carries it",
         "look at these images: too small, blurred, cut off or no QR code; or lower validate.min_decode_rate"),
    Rule(classes_near_half, "away from 50/50, accuracy rewards guessing the larger class",
         "add images to the smaller class or remove some of the larger; or raise validate.balance_tolerance"),
]  # fmt: skip


def schema(settings: Validate) -> pa.DataFrameSchema:
    """RULES as a pandera schema over the scan table."""

    def check(rule: Rule) -> pa.Check:
        return pa.Check(lambda table: rule.holds(table, settings), name=rule.name, error=rule.why)

    columns = {"path": pa.Column(str, unique=True), "label": pa.Column(str), "decoded": pa.Column(bool)}
    return pa.DataFrameSchema(columns, checks=[check(rule) for rule in RULES])


def findings(table: pd.DataFrame, settings: Validate) -> list[Finding]:
    """Every rule that `table` breaks, in the order of RULES; nothing stops at the first."""
    rules = {rule.name: rule for rule in RULES}
    try:
        schema(settings).validate(table, lazy=True)
        return []
    except pa.errors.SchemaErrors as errors:
        found = []
        for error in errors.schema_errors:
            name = getattr(error.check, "name", None)
            if name not in rules:  # the table itself is not what scan writes: a defect, not a finding
                raise
            output = error.check_output
            rows = table[~output] if isinstance(output, pd.Series) else table.iloc[:0]
            found.append(Finding(rules[name], rows))
        return found
