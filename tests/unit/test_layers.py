"""The house keeps its one direction of flow: who may import whom is written down here, and nowhere else."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "ocsp_exporter"
OURS = HOUSE.name

#: Module or folder at the top of the house -> those of ours that it may import.
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "cli": {"__init__", "commands", "config", "report", "serving"},
    "commands": {"config", "demo", "metrics", "model", "probing", "report", "serving", "target"},
    "serving": {"__init__", "advice", "config", "metrics", "model", "quoting", "report", "target"},
    "report": {"advice", "model", "quoting", "revocation"},
    "probing": {"model", "quoting", "revocation"},
    "revocation": {"model"},
    "metrics": {"model"},
    "config": {"model", "quoting", "revocation", "target"},
    "target": {"model", "quoting", "revocation"},
    "advice": {"model"},
    "demo": {"model"},
    "model": set(),
    "quoting": set(),
}

#: Library -> the modules or folders that know it. The others are free to everyone.
KNOWS: dict[str, set[str]] = {
    "OpenSSL": {"probing/bindings", "probing/context", "probing/handshake", "demo"},
    "bcrypt": {"serving/authentication"},
    "click": {"cli", "commands"},
    "httpcore": set(),
    "httpx": {"probing/egress", "serving/discovery/http"},
    "jinja2": {"serving"},
    "prometheus_client": {"serving"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "rich": {"commands", "report"},
    "starlette": {"serving", "demo"},
    "uvicorn": {"serving", "demo"},
    "yaml": {"config"},
}

#: What takes long to import, and only serving needs.
SERVING = {"jinja2", "ocsp_exporter.config.web", "prometheus_client", "starlette", "uvicorn"}

MODULES = sorted(HOUSE.rglob("*.py"))


def _name(module: Path) -> str:
    """The module's path within the house, without its ending."""
    return str(module.relative_to(HOUSE).with_suffix(""))


def _imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(source), names=names, level=0):
                yield from (f"{source}.{alias.name}" for alias in names)


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_a_module_imports_only_what_lies_below_it(module: Path) -> None:
    """Imports within the house follow the table, so that the flow has one direction."""
    room = _name(module).split("/")[0]
    imported = {name.split(".")[1] for name in _imports(module) if name.split(".")[0] == OURS}
    rooms = {each if (HOUSE / each).is_dir() or (HOUSE / f"{each}.py").exists() else "__init__" for each in imported}
    assert rooms - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_a_library_is_known_only_where_the_table_says(module: Path) -> None:
    """A library that only some of the house needs is imported only there."""
    name = _name(module)
    for library in {imported.split(".")[0] for imported in _imports(module)} & KNOWS.keys():
        assert any(name == place or name.startswith(f"{place}/") for place in KNOWS[library]), library


@pytest.mark.parametrize(("command", "needed"), [("probe", set()), ("serve", SERVING)])
def test_a_command_imports_only_what_it_needs(command: str, needed: set[str]) -> None:
    """Looking at a target once is quick: it imports nothing of what only serving needs."""
    code = f"import sys, ocsp_exporter.commands.{command}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert SERVING & set(done.stdout.split()) == needed


def test_the_table_has_no_row_for_a_room_that_is_gone() -> None:
    """Each row of the table is about a part of the house that exists."""
    rooms = {_name(module).split("/")[0] for module in MODULES}
    assert rooms == MAY_IMPORT.keys()


def test_the_table_allows_nothing_that_turns_back() -> None:
    """Following the table from anywhere never leads back to where one began."""

    def below(room: str, above: tuple[str, ...] = ()) -> None:
        assert room not in above, " -> ".join((*above, room))
        for each in MAY_IMPORT[room]:
            below(each, (*above, room))

    for room in MAY_IMPORT:
        below(room)
