"""What a stage imports, late imports and templates included, read from the code without running it.

python -m tests.imports train    # the lines for its deps in dvc.yaml
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.helpers import REPO

# Plumbing: it moves values and makes none. What settings decide is in dvc.yaml, key by key.
LIBRARIES = REPO / "stages/libraries"  # versions, by what the libraries are for
INSTALLED = packages_distributions()
PLUMBING = {f"stages/common/{name}.py" for name in ("artefacts", "cli", "lifetime", "settings", "workers")}


def stage_files() -> list[str]:
    """The stages of dvc.yaml: the files right below stages/."""
    return sorted(f"stages/{path.name}" for path in (REPO / "stages").glob("*.py") if path.name != "__init__.py")


def library_files() -> list[str]:
    """Every other module of the project."""
    everything = (path.relative_to(REPO).as_posix() for path in (REPO / "stages").rglob("*.py"))
    return sorted(set(everything) - set(stage_files()))


@cache
def imports(file: str) -> frozenset[str]:
    """The files of the project that `file`, a module or template, names: all but those for type checkers."""
    text = (REPO / file).read_text()
    if not file.endswith(".py"):
        names = re.findall(r"""{%-?\s*(?:include|import|from|extends)\s+["']([^"']+)""", text)
        return frozenset(f"{Path(file).parent.as_posix()}/{name}" for name in names)
    found = set()
    for node in _nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {_file(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {_file(f"{node.module}.{alias.name}") or _file(node.module) for alias in node.names}
        elif isinstance(node, ast.Constant) and re.fullmatch(r"\w+\.\w+\.jinja", repr(node.value)[1:-1]):
            found.add(f"stages/page/{node.value!s}")
    # Whoever imports a package by its name finds its modules at run time (stages/network/architecture.py).
    for package in {name for name in found if name and name.count("/") > 1 and name.endswith("__init__.py")}:
        found |= {path.relative_to(REPO).as_posix() for path in (REPO / package).parent.glob("*.py")}
    return frozenset(name for name in found if name)


def closure(file: str) -> set[str]:
    """All that `file` imports, and what that imports."""
    found: set[str] = set()
    ahead = [file]
    while ahead:
        new = imports(ahead.pop()) - found - {file}
        found |= new
        ahead += new
    return found


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _nodes(node)


def _file(module: str) -> str | None:
    path = module.replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if (REPO / name).is_file()), None)


def needed(stage_file: str) -> set[str]:
    """The files that decide what a stage writes: itself, what it imports, and the versions of the libraries it uses."""
    files = {stage_file, *closure(stage_file)} - PLUMBING
    files = {name for name in files if Path(name).name != "__init__.py"}
    used = frozenset[str]().union(*map(distributions, files))
    return files | {f"stages/libraries/{path.name}" for path in LIBRARIES.glob("*.txt") if used & pinned(path)}


@cache
def distributions(file: str) -> frozenset[str]:
    """The packages of others that `file` imports, late imports included, by their names in the index, lower case."""
    if not file.endswith(".py"):
        return frozenset()
    tops = set()
    for node in _nodes(ast.parse((REPO / file).read_text())):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            tops.add(node.module.partition(".")[0])
    return frozenset(name.lower() for top in tops for name in INSTALLED.get(top, []))


def pinned(path: Path) -> set[str]:
    """The names in a file of versions."""
    return {line.partition("==")[0].lower() for line in path.read_text().splitlines() if "==" in line}


def content(folder: Path) -> set[str]:
    """What counts in a folder of stages/."""
    files = [
        path.relative_to(REPO).as_posix() for path in folder.rglob("*") if path.suffix in (".py", ".jinja", ".txt")
    ]
    return {name for name in files if Path(name).name != "__init__.py"}


def dependencies(stage_file: str) -> list[str]:
    """`needed` as dvc.yaml has it: a folder where all of it counts, else file by file."""
    left, found = needed(stage_file), []
    for folder in sorted(path for path in (REPO / "stages").iterdir() if path.is_dir()):
        if (inside := content(folder)) and inside <= left:
            left -= inside
            found.append(folder.relative_to(REPO).as_posix())
    return sorted([*left, *found], key=lambda name: (name != stage_file, name))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print("\n".join(f"      - {dep}" for dep in dependencies(f"stages/{name}.py")))
