"""What the stages know of a network, whichever it is, and how one is found by its name."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from stages.common.cli import StageError
from stages.common.settings import Model, Section, check
from stages.network import architectures
from stages.network.input import Input

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """A network: what it takes, its settings, how it is built, and what the model card says of it.

    `settings` are its keys of section `model` in params.yaml, each with the default that is meant by a model
    file from before there was that key. `build` makes a module of them that maps a batch of `input` to float
    logits (n, 2) for CLASSES. `describe` gives a sentence. `start` takes weights from a
    file over into a network that is to be trained.
    """

    input: Input
    settings: type[Section]
    build: Callable[[Any], "nn.Module"]
    describe: Callable[[Any], str]
    start: Callable[["nn.Module", Any], None] | None = None


def names() -> list[str]:
    """Those that `model.architecture` can name."""
    return sorted(module.name for module in iter_modules(architectures.__path__))


def architecture(name: str) -> Architecture:
    """The one in stages/network/architectures/NAME.py. Raises StageError where there is none."""
    if name not in names():
        raise StageError(f"params.yaml: model.architecture is {name!r}, which is not one of {', '.join(names())}")
    return import_module(f"{architectures.__name__}.{name}").ARCHITECTURE


def chosen(model: Model) -> tuple[Architecture, Any]:
    """The architecture that section `model` of params.yaml names, and the section's other keys as its settings.

    Raises StageError for a key that this architecture does not have and for a value out of range.
    """
    name, given = model.architecture, model.model_extra or {}
    found = architecture(name)
    if unknown := [_unknown(key, name) for key in given if key not in found.settings.model_fields]:
        raise StageError("\n".join(f"params.yaml: {line}" for line in unknown))
    return found, check(found.settings, given, "params.yaml", "model.")


def _unknown(key: str, name: str) -> str:
    near = get_close_matches(key, architecture(name).settings.model_fields, n=1)
    others = [other for other in names() if key in architecture(other).settings.model_fields]
    hint = f"did you mean model.{near[0]}?" if near else f"{', '.join(others)} has" if others else "remove it"
    return f"unknown key model.{key}: the architecture {name} has no such setting; {hint}"
