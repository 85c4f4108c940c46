"""params.yaml as typed, checked values. A missing key is an error, and so is an unknown one."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.common.cli import StageError

CLASSES = ("benign", "malicious")  # 0 and 1
IGNORE = "ignore"  # in data.classes: files with this label or in this folder are left out

Share = Annotated[float, Field(gt=0, lt=1)]
Level = Literal["error", "warn", "off"]
Rate = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # as NumPy and scikit-learn take it
# Of more the memory runs out, long after the start.
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
Checked = TypeVar("Checked", bound=BaseModel)


def folded(name: str) -> str:
    """`name` in the form in which labels, folders and columns are compared: lower case, stripped, in Unicode NFC."""
    return unicodedata.normalize("NFC", name.strip().casefold())


def _with_names(value: Any) -> Any:
    """A mapping with its keys as text: YAML reads 0 as a number and true as a boolean."""
    if not isinstance(value, Mapping):
        return value
    named = {str(key).lower() if isinstance(key, bool) else str(key): item for key, item in value.items()}
    if len(named) < len(value):
        raise ValueError("the same name is there twice, once in quotes; keep one")
    return named


def _or_empty(value: Any) -> Any:
    """{} for a key whose values were all commented out, which YAML reads as null."""
    return {} if value is None else value


def _distinct(names: dict[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    for name in names:
        if (other := first.setdefault(folded(name), name)) != name:
            raise ValueError(f"{other!r} and {name!r} are the same name, because case does not count; keep one")
    return names


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class Data(Section):
    """Where the data is, and the names of its classes."""

    urls: Path
    url_column: str | None
    label_column: str | None
    images: Path
    classes: Annotated[
        dict[str, Literal["benign", "malicious", "ignore"]], BeforeValidator(_with_names), AfterValidator(_distinct)
    ]


class Sample(Section):
    """The synthetic sample table."""

    per_class: Annotated[int, Field(ge=1, le=10_000_000)]
    elsewhere_per_class: Annotated[int, Field(ge=0, le=10_000_000)]
    seed: Seed


class Render(Section):
    """How QR codes are drawn."""

    error_correction: Literal["L", "M", "Q", "H"]
    scale: Annotated[int, Field(ge=1, le=100)]
    quiet_zone: Annotated[int, Field(ge=0, le=100)]


class Scan(Section):
    """How images are examined, with limits that protect the decoders."""

    workers: Annotated[int, Field(ge=1, le=1024)] | None
    timeout: Annotated[float, Field(gt=0, le=86_400)]
    max_bytes: PositiveInt
    max_pixels: PositiveInt


class Validate(Section):
    """The thresholds and levels of the gate."""

    min_decode_rate: Rate
    balance_tolerance: Annotated[float, Field(ge=0, le=0.5)]
    min_module_px: Annotated[float, Field(ge=0)]
    min_quiet_zone: Annotated[float, Field(ge=0)]
    min_contrast: Annotated[float, Field(ge=0, le=255)]
    max_duplicates: Rate
    max_random_leak: Rate
    max_picture_auc: Annotated[float, Field(ge=0.5, le=1)]
    max_payload_auc: Annotated[float, Field(ge=0.5, le=1)]
    max_doubtful: Rate
    max_interval: Annotated[float, Field(gt=0, le=0.5)]
    bad_rows: Literal["stop", "quarantine"]
    max_bad_rows: Rate
    # Of the checks in stages/gate/ whose level is not the default.
    levels: Annotated[dict[str, Level], BeforeValidator(_or_empty)]


class Split(Section):
    """How images are split into train, val and test."""

    val: Share
    test: Share
    by: Literal["site", "row"]
    given: Annotated[
        dict[str, Literal["train", "val", "test", "elsewhere"]],
        BeforeValidator(_with_names),
        BeforeValidator(_or_empty),
        AfterValidator(_distinct),
    ]
    per_class: PositiveInt | None
    balance_tolerance: Annotated[float, Field(ge=0, le=0.5)]
    seed: Seed

    @property
    def gives_parts(self) -> bool:
        """Whether `given` names train, val or test, and not only what is kept elsewhere."""
        return any(part != "elsewhere" for part in self.given.values())

    @model_validator(mode="after")
    def leaves_rows_for_training(self) -> "Split":
        """Raise ValueError if val and test take everything."""
        if self.val + self.test >= 1:
            raise ValueError("val + test must be below 1, or nothing is left for training")
        return self


class Model(Section):
    """Which network; the keys beside `architecture` are its own, and checked by it (stages/network/architecture.py)."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    architecture: str


class Train(Section):
    """How the network learns."""

    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]
    gradient_clip: Annotated[float, Field(gt=0)] | None
    epochs: PositiveInt
    early_stopping: PositiveInt | None
    scheduler_patience: Annotated[int, Field(ge=0)]
    scheduler_factor: Share
    batch_size: BatchSize
    device: Literal["auto", "cpu", "cuda", "mps"]
    devices: PositiveInt
    precision: Annotated[Literal["auto", "32", "bf16", "16"], BeforeValidator(str)]
    deterministic: bool
    cache_mib: Annotated[int, Field(ge=0)]
    seed: Seed


class Diagnose(Section):
    """How the training is checked for symptoms."""

    strict: bool
    steps: Annotated[int, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=2, le=65_536)]


class Calibrate(Section):
    """How the threshold is chosen."""

    max_false_positives: Rate | None


class Evaluate(Section):
    """How the test part is scored."""

    samples: Annotated[int, Field(ge=1, le=1_000_000)]
    prevalence: Share
    batch_size: BatchSize
    seed: Seed


class Robustness(Section):
    """How many test images are corrupted and scored."""

    images: PositiveInt
    seed: Seed


class Export(Section):
    """How closely the exported network must agree with the original."""

    tolerance: Annotated[float, Field(gt=0)]


class Params(Section):
    """The whole of params.yaml."""

    data: Data
    sample: Sample
    render: Render
    scan: Scan
    validate_: Annotated[Validate, Field(alias="validate")]  # BaseModel owns the plain name
    split: Split
    model: Model
    train: Train
    # Checked in stages/network/corruption.py, which knows their names and ranges.
    augment: Annotated[dict[str, float], BeforeValidator(_or_empty)]
    diagnose: Diagnose
    calibrate: Calibrate
    evaluate: Evaluate
    robustness: Robustness
    export: Export


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `path`.

    Raises StageError listing every unknown key (with the nearest right one), every missing key
    and every value out of range; a syntax error is reported with its line.
    """
    try:
        raw = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise StageError(f"{path} is not here: run from the top folder of the project") from None
    except YAMLError as error:
        raise StageError(f"{path} is not valid YAML: {error}") from None
    return check(Params, raw, str(path))


def check(kind: type[Checked], raw: Any, where: str, prefix: str = "") -> Checked:
    """`raw` as a `kind`. Raises StageError with a line for each problem: `where`, and the key with `prefix`."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise StageError("\n".join(f"{where}: {line}" for line in _explain(error, kind, prefix))) from None


def _explain(error: ValidationError, kind: type[BaseModel], prefix: str) -> list[str]:
    """One line per problem. A mistyped key is named once, not again as missing."""
    problems = error.errors()
    missing = {prefix + _dotted(p["loc"]) for p in problems if p["type"] == "missing"}
    lines = []
    for problem in problems:
        key = prefix + _dotted(problem["loc"])
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(key, [k for k in _all_keys(kind, prefix) if k not in missing], n=1)
            near = get_close_matches(key, sorted(missing), n=1) or near
            missing -= set(near)
            lines.append(f"unknown key {key}" + (f"; did you mean {near[0]}?" if near else "; remove it"))
        elif problem["type"] != "missing":
            value = "" if isinstance(problem["input"], dict) else f" is {problem['input']!r}:"
            lines.append(f"{key or 'the file'}{value} {problem['msg'].removeprefix('Value error, ')}")
    return lines + [f"key {key} is missing" for key in sorted(missing)]


def refuse_unknown(names: Iterable[str], known: Collection[str], section: str) -> None:
    """Raise StageError for each of `names`, keys of `section` ("validate.levels"), that is not in `known`.

    For names that the code above this package defines; the nearest known one is proposed.
    """
    lines = []
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"did you mean {section}.{near[0]}?" if near else f"one of: {', '.join(known)}"
            lines.append(f"params.yaml: unknown key {section}.{name}; {remedy}")
    if lines:
        raise StageError("\n".join(lines))


def _dotted(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location)


def _all_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        keys.append(key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _all_keys(field.annotation, key + ".")
    return keys
