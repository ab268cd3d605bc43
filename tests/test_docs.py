"""The pages say what the program does: every command, option, column, code, state and public function, and no more."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import io
import pkgutil
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

import electra_kernel.workbench
from electra_kernel import analysis, formats
from electra_kernel.cli.app import app
from electra_kernel.cli.demo_payments import payments_workbook
from electra_kernel.ebics.codes import CODES
from electra_kernel.orders.lifecycle import State

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page.stem for page in DOCS.glob("*.md"))


@cache
def text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text("utf-8")


@cache
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def commands() -> dict[str, set[str]]:
    """Every command with its options."""

    def walk(command: typer.main.click.Command, name: str) -> Iterator[tuple[str, set[str]]]:
        for word, child in getattr(command, "commands", {}).items():
            yield from walk(child, f"{name} {word}")
        if not hasattr(command, "commands") or getattr(command, "invoke_without_command", False):
            options = [each for each in command.params if each.param_type_name == "option"]
            yield name, {flag for each in options for flag in (*each.opts, *each.secondary_opts)}

    return dict(walk(typer.main.get_command(app), "electra"))


@cache
def sections() -> dict[str, str]:
    """What the page of commands says about each."""
    parts = re.split(r"^## (electra .*)$", text("command-line"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)


# -- the command line --------------------------------------------------------------------------------------------------


def test_every_command_has_a_section_and_every_section_a_command():
    assert set(sections()) == set(commands())


@pytest.mark.parametrize("command", commands())
def test_every_option_of_a_command_is_documented_and_no_other(command: str):
    def named(words: str) -> set[str]:
        return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z](?= ))", words))

    rows = [line for line in sections()[command].splitlines() if line.startswith("|")]
    assert named("\n".join(rows)) == commands()[command]
    assert named(sections()[command]) <= commands()[command]


def test_every_command_and_option_has_a_help_text():
    def silent(command: typer.main.click.Command, name: str) -> Iterator[str]:
        if not command.help:
            yield name
        for each in command.params:
            if each.param_type_name == "option" and not getattr(each, "help", None):
                yield f"{name} {each.name}"
        for word, child in getattr(command, "commands", {}).items():
            yield from silent(child, f"{name} {word}")

    assert list(silent(typer.main.get_command(app), "electra")) == []


def test_commands_in_examples_exist_with_their_options():
    for page in PAGES:
        for line in "".join(blocks(page, "console")).replace("\\\n", " ").splitlines():
            if not line.startswith("$ electra "):
                continue
            words = line.removeprefix("$ ")
            command = max((name for name in commands() if words.startswith(name)), key=len, default="")
            assert command, f"{page}: {line}"
            assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= commands()[command], f"{page}: {line}"


# -- tables that the code knows ----------------------------------------------------------------------------------------


def test_every_table_is_used_by_a_page_and_every_one_used_exists():
    used = {name for page in PAGES for name in re.findall(r"^\{\{ (\w+) \}\}$", text(page), re.MULTILINE)}
    assert used == set(tables().TABLES)


def test_every_column_of_the_ledger_has_a_meaning_and_no_other_column_has_one():
    columns = {field.name for schema in _schemas() for field in schema}
    assert set(tables().MEANINGS) == columns
    assert all(f"`{field.name}`" in tables().entries_columns() for field in tables().ENTRIES)


def _schemas() -> tuple[object, ...]:
    known = tables()
    return known.ENTRIES, known.DETAILS, known.BALANCES, known.PROBLEMS


def test_every_format_and_every_return_code_is_in_its_table():
    assert all(f"`{each.name}`" in tables().formats() for each in formats.FORMATS)
    assert all(f"`{code}`" in tables().return_codes() for code in CODES)


def test_a_text_with_a_bar_or_a_line_break_stays_in_its_cell():
    table = tables().markdown_table(("a", "b"), [("x|y", "one\ntwo")])
    assert table.splitlines()[-1] == "| x\\|y | one two |"


def test_every_state_of_an_order_is_told_and_drawn():
    picture = (DOCS / "images" / "order-states.svg").read_text("utf-8")
    for state in State:
        assert f"| {state.value} |" in text("orders")
        assert state.value in picture


# -- the reference -----------------------------------------------------------------------------------------------------


def _referenced() -> dict[str, object]:
    names = re.findall(r"^\.\. auto(?:class|function|exception|module):: (\S+)$", text("reference"), re.MULTILINE)
    return {name: _found(name) for name in names}


def _found(name: str) -> object:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"{name} does not exist")


def test_everything_in_the_reference_exists_and_has_a_docstring():
    assert [name for name, found in _referenced().items() if not inspect.getdoc(found)] == []


def test_every_public_analysis_and_reading_function_is_in_the_reference():
    names = {f"electra_kernel.analysis.{name}" for name in analysis.__all__}
    names |= {f"electra_kernel.formats.{name}" for name in formats.__all__ if not name.isupper()}
    assert names <= set(_referenced())


def _workbench_modules() -> list[ModuleType]:
    package = electra_kernel.workbench
    names = [each.name for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")]
    return [importlib.import_module(name) for name in names]


def test_every_public_object_of_the_workbench_has_a_docstring():
    silent = []
    for module in _workbench_modules():
        for name, found in vars(module).items():
            if name.startswith("_") or getattr(found, "__module__", "") != module.__name__:
                continue
            silent += [] if inspect.getdoc(found) else [f"{module.__name__}.{name}"]
            silent += [f"{module.__name__}.{name}.{each}" for each in _silent_members(found)]
    assert silent == []


def _silent_members(found: object) -> list[str]:
    if not inspect.isclass(found):
        return []
    functions = (property, staticmethod, classmethod)
    return [
        name
        for name, member in vars(found).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, functions))
        and not inspect.getdoc(member)
    ]


# -- pages, links, examples --------------------------------------------------------------------------------------------


def test_every_page_is_reachable_from_the_index():
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", text("index"), re.DOTALL | re.MULTILINE)
    listed = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    assert sorted([*listed, "index"]) == PAGES
    assert all(f"]({page}.md)" in text("index") for page in listed)


@pytest.mark.parametrize("page", [*PAGES, "../README"])
def test_files_that_a_page_links_to_exist(page: str):
    place = DOCS / f"{page}.md"
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(page))
    missing = [target for target in targets if "://" not in target and not (place.parent / target).exists()]
    assert missing == []


def test_pictures_are_whole_and_say_in_words_what_they_show():
    from electra_kernel.vocabulary.xml import parse_xml

    for picture in (DOCS / "images").glob("*.svg"):
        root = parse_xml(picture.read_bytes())
        assert root.findtext("{*}title")
        assert root.findtext("{*}desc")


def test_every_room_and_every_make_target_is_on_the_developers_page():
    rooms = [each.parent.name for each in (ROOT / "electra_kernel").glob("*/__init__.py")]
    assert [room for room in rooms if f"`electra_kernel/{room}`" not in text("developers")] == []
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert [target for target in targets.split() if f"`make {target}`" not in text("developers")] == []


def test_every_python_example_is_python():
    for page in [*PAGES, "../README"]:
        for block in blocks(page, "python"):
            ast.parse(block, f"{page}.md")


def test_what_examples_ask_of_the_workbench_exists():
    from electra_kernel.workbench.orders import Orders, TrackedOrder
    from electra_kernel.workbench.sandbox import Sandbox
    from electra_kernel.workbench.statements import Statements
    from electra_kernel.workbench.workbench import Workbench

    things = {
        "wb.orders": Orders,
        "wb.statements": Statements,
        "wb.sandbox": Sandbox,
        "order": TrackedOrder,
        "wb": Workbench,
    }
    own = {"connections", "orders", "statements", "store", "sandbox", "clock"}
    for page in [*PAGES, "../README"]:
        for thing, kind in things.items():
            for name in re.findall(rf"(?<![\w./]){re.escape(thing)}\.(?!pdf`|xml)([a-z]\w*)(?=[(.`\s])", text(page)):
                assert hasattr(kind, name) or (kind is Workbench and name in own), f"{page}: {thing}.{name}"


def test_examples_that_need_no_bank_run_and_print_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("suppliers.xlsx").write_bytes(payments_workbook(1))
    names: dict[str, object] = {"Decimal": Decimal}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for page in ("orders", "formats", "errors"):
            for block in blocks(page, "python"):
                if not re.search(r"\b(wb|order|form)\b", block):
                    exec(compile(block, f"{page}.md", "exec"), names)
    assert "parse_amount" in names
    assert names["reading"].format == "xlsx"  # type: ignore[attr-defined]
    assert printed.getvalue() == blocks("formats", "text")[0]


def test_pages_name_no_machine_and_no_place_on_it():
    for page in [*PAGES, "../README"]:
        assert not re.search(r"/(home|root|tmp|work|Users)/", text(page)), page
