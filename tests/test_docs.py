"""What the README and the pages of docs/ tell a reader to type, to write, and to look at."""

import ast
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep

import mnistgen
from mnistgen.report.paper import MODELS

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
}
MAKEFILE = (ROOT / "Makefile").read_text()
CONFIGS = {
    "mnistgen": (CONF, "config"),
    "mnistgen.evaluate": (CONF, "evaluate"),
    "mnistgen.sample": (CONF, "sample"),
    "mnistgen.export": (CONF, "export"),
    "mnistgen.compare": (CONF, "compare"),
    "mnistgen.report": (CONF, "report"),
    "mnistgen.metrics.lenet": (CONF, "lenet"),
    "benchmarks": (ROOT / "benchmarks", "config"),
    "benchmarks.equivalence": (ROOT / "benchmarks", "equivalence"),
}
"""The folder and the name of each command's configuration."""

FENCE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)


class Command(NamedTuple):
    """A module that is called, and its arguments."""

    module: str
    arguments: tuple[str, ...]


def lines_to_type(text):
    """The lines of all fenced blocks, continued ones joined, and the code between backquotes."""
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()[1:-1]
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def commands_of(line):
    """The commands of a line that this project answers, those of a make target included."""
    if not line.startswith(("python -m ", "mnistgen ", "make ")):
        return
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        given = [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]
        for target in (word for word in words[1:] if re.fullmatch(r"[a-z]+", word)):
            yield from commands_of_target(target, *given)
    elif words[0] == "mnistgen":
        yield Command("mnistgen", tuple(words[1:]))
    elif words[2] in CONFIGS:
        yield Command(words[2], tuple(words[3:]))
    else:
        raise AssertionError(f"{line}: there is no command {words[2]}")


def commands_of_target(target, arguments=""):
    """What make calls for a target."""
    (recipe,) = re.findall(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, flags=re.MULTILINE)
    for line in recipe.splitlines():
        called = re.match(r"\t\$\(BIN\)/python -m (\S+)(.*)", line)
        if called and called[1] in CONFIGS:
            typed = re.sub(
                r"\$\(or \$\(ARGS\),(.*?)\)|\$\(ARGS\)",
                lambda match: arguments or match[1] or "",
                called[2],
            )
            yield Command(called[1], tuple(shlex.split(typed)))


SHOWN = sorted(
    {
        command
        for text in PAGES.values()
        for line in lines_to_type(text)
        for command in commands_of(line)
    }
)


def first_value(override):
    """An override of a sweep as that of its first run."""
    if not override.is_sweep_override():
        return override.input_line
    if isinstance(override.value(), IntervalSweep):
        return f"{override.get_key_element()}={override.value().start}"
    return f"{override.get_key_element()}={next(override.sweep_string_iterator())}"


@pytest.mark.filterwarnings("ignore:(?s).*is validated against ConfigStore schema")
@pytest.mark.parametrize("command", SHOWN, ids=lambda c: shlex.join((c.module, *c.arguments)))
def test_the_commands_that_are_shown_are_understood(composed, command):
    if "--config-dir=myconf" in command.arguments:
        return  # it is run, in test_a_class_of_ones_own_does_all_that_the_page_about_it_says
    arguments = list(command.arguments)
    for flag in ("--cfg", "--shell-completion"):
        if flag in arguments:
            del arguments[arguments.index(flag) + 1]
    flags = {word for word in arguments if word.startswith("-")}
    assert flags <= {"-m", "--help", "--cfg", "--shell-completion"}
    parsed = OverridesParser.create().parse_overrides([w for w in arguments if w not in flags])
    assert "-m" in flags or not any(override.is_sweep_override() for override in parsed)
    overrides = [first_value(override) for override in parsed]
    folder, name = CONFIGS[command.module]
    if name == "config" and folder == CONF:
        composed(*overrides)  # which checks the values, too
    else:
        with initialize_config_dir(str(folder), version_base="1.3"):
            compose(name, overrides=overrides)


def test_each_command_is_shown_in_the_readme():
    shown = {c.module for line in lines_to_type(README) for c in commands_of(line)}
    internal = {"mnistgen.metrics.lenet", "benchmarks.equivalence"}
    assert shown == CONFIGS.keys() - internal
    assert "make tensorboard" in README


def test_the_make_targets_that_are_shown_exist():
    typed = [line for text in PAGES.values() for line in lines_to_type(text)]
    shown = {target for line in typed for target in re.findall(r"^make ([a-z]+)\b", line)}
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, flags=re.MULTILINE))
    assert {"train", "test", "help", "docs"} <= shown
    assert shown <= targets


def lines_without_make():
    """The lines that do without make what make does, in a POSIX shell and in PowerShell."""
    page = PAGES["docs/getting-started.md"].partition("### Without make\n")[2]
    return [block.splitlines()[1:-1] for block in FENCE.findall(page)[:2]]


def test_the_lines_without_make_are_the_same_on_windows():
    posix, windows = lines_without_make()
    words = {"py -3": "python3", ".venv\\Scripts\\Activate.ps1": "source .venv/bin/activate"}
    for theirs, ours in words.items():
        windows = [line.replace(theirs, ours) for line in windows]
    assert windows == posix


def test_the_lines_without_make_do_what_make_does(tmp_path):
    posix, _ = lines_without_make()
    # What an editable install is built with is downloaded, and a training takes its time
    lines = [line.replace("-e ", "") for line in posix]
    lines = [f"{x} --version" if x in ("python -m mnistgen", "pytest") else x for x in lines]
    for name in ("pyproject.toml", "README.md", "LICENSE", "mnistgen", "hydra_plugins", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    # All other packages are there already, so that nothing is downloaded
    environment = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "HOME": str(tmp_path),
        "PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "false",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"mnistgen {mnistgen.__version__}\n" in done.stdout
    assert re.search(r"^pytest \d", done.stdout, flags=re.MULTILINE)


GROUPS = ("model", "optimizer", "lr", "data", "trainer", "logger", "callbacks", "game", "bound")


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_and_choice_is_in_the_tables(group):
    choices = {path.stem for path in (CONF / group).glob("*.yaml")}
    (row,) = re.findall(rf"^\| `{group}` \| `([^`]*)`", README, flags=re.MULTILINE)
    assert set(row.split()) == choices
    training = PAGES["docs/training.md"]
    (row,) = re.findall(rf"^\| `{group}` \| (.*) \|$", training, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == choices


def test_the_rates_in_the_table_are_those_of_the_configuration():
    for model in MODELS:
        row = re.findall(rf"^\| `{model}`.*$", README, flags=re.MULTILINE)[0]  # of the models
        rate = yaml.safe_load((CONF / "model" / f"{model}.yaml").read_text())["optim"]["lr"]
        assert row.rstrip(" |").endswith(str(rate))


def test_the_readme_is_read_to_its_end():
    assert len(README.splitlines()) <= 150


def places(text):
    """The anchors of a page, as GitHub and MyST make them of its headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", PAGES[page])):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), link
        assert not anchor or anchor in places(path.read_text("utf-8")), link


def names_in(path):
    """The names that a module defines, with those of its classes behind a point."""
    tree = ast.parse(path.read_text("utf-8"))
    found = {node.name for node in tree.body if hasattr(node, "name")}
    for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {f"{owner.name}.{node.name}" for node in owner.body if hasattr(node, "name")}
    return found


WHERE = README.partition("## Where things are\n")[2].partition("\n## ")[0]
TRAILS = [" ".join(item.split()) for item in re.split(r"^- ", WHERE, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("trail", TRAILS, ids=lambda trail: trail.partition(":")[0])
def test_a_trail_through_the_code_is_short_and_leads_there(trail):
    steps = re.findall(r"`([\w/]+\.py)` `([\w.]+)`", trail)
    assert 2 <= len(steps) <= 4
    assert len(re.findall(r"\.py`", trail)) == len(steps)
    for path, name in steps:
        assert name in names_in(ROOT / path), f"{path} has no {name}"


def test_there_are_four_trails_and_the_folders_exist():
    assert len(TRAILS) == 4
    folders = re.findall(r"`((?:mnistgen|conf)/[\w/]*)`", WHERE)
    assert len(folders) >= 10
    assert [name for name in folders if not (ROOT / name).is_dir()] == []


def test_no_page_of_the_site_asks_another_server(tmp_path):
    options = ["-q", "-D", "exclude_patterns=api.md"]  # without api.md nothing has to be imported
    subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ROOT / "docs", tmp_path],
        check=True,
        capture_output=True,
    )
    asked = re.compile(r"""(src|srcset|<link[^>]* href)=["']?(https?:)?//""")
    pages = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.html")}
    assert len(pages) >= 10
    assert [name for name, text in pages.items() if asked.search(text)] == []
    styles = "".join(path.read_text("utf-8") for path in tmp_path.glob("_static/**/*.css"))
    assert not re.search(r"@import|url\(['\"]?(?:https?:)?//", styles)


def test_no_place_is_left_to_be_filled():
    assert not re.findall(r"@[A-Z]{3,}@|TODO", "".join(PAGES.values()))
