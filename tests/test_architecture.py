"""The shape of the code: imports point one way, the core is pure, files stay short and are called what they are.

The import contracts are in pyproject.toml. What they cannot see (a method that writes a file, a clock behind an
attribute) is found here in the syntax tree.
"""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "trader"
MODULES = sorted(PACKAGE.rglob("*.py"))
CORE = sorted((PACKAGE / "core").rglob("*.py"))
MAX_LINES = 350
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "handler", "handlers", "misc"}

FORBIDDEN_CALLS = {"open", "print", "input", "exec", "eval", "compile", "breakpoint", "__import__"}
FORBIDDEN_ATTRIBUTES = {
    *("now", "utcnow", "today"),  # the clock
    *("random", "environ", "getenv"),  # hidden randomness, the environment
    *("tofile", "fromfile", "savetxt", "loadtxt", "genfromtxt", "memmap", "savez", "save", "load"),  # numpy's files
    *("read_text", "read_bytes", "write_text", "write_bytes"),
}
SEEDED = {"default_rng", "SeedSequence", "Generator"}
WRITES_WITH_PANDAS = ("to_parquet", "to_csv", "to_pickle", "to_excel", "to_sql", "to_hdf", "to_feather", "to_json")


def impurities(source: str) -> list[str]:
    """Everything in a module that reads a clock, an environment, a file or hidden randomness, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = ""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            name = node.func.id
        elif isinstance(node, ast.Attribute) and (
            node.attr in FORBIDDEN_ATTRIBUTES or node.attr in WRITES_WITH_PANDAS or node.attr.startswith("read_")
        ):
            name = node.attr
        elif isinstance(node, ast.Global | ast.Nonlocal):
            name = "global state"
        if name:
            found.append(f"line {node.lineno}: {name}")
    return found


def unseeded(source: str) -> list[str]:
    """Everything in a module that draws without a seed of its own, with its line: an argument left out, or a `None`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if name in SEEDED and all(isinstance(seed, ast.Constant) and seed.value is None for seed in given):
                found.append(f"line {node.lineno}: {name} without a seed")
        elif isinstance(node, ast.ImportFrom) and node.module == "numpy.random":
            shared = {alias.name for alias in node.names} - SEEDED
            found.extend(f"line {node.lineno}: {name} of the shared generator" for name in sorted(shared))
    return found


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts on the package below `root`; the verdict is the exit code, the reasons are printed."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_imports_keep_every_contract():
    outcome = lint_imports(ROOT)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("module", "line", "verdict"),
    [
        ("core/decision.py", "import trader.ports", "imports point inward BROKEN"),
        ("core/decision.py", "import os", "core does no I/O BROKEN"),
        ("core/decision.py", "def lazy() -> None:\n    import socket", "core does no I/O BROKEN"),
        ("ports.py", "import requests", "vendors at the edge BROKEN"),
        ("adapters/local_storage.py", "import trader.store", "thin adapters BROKEN"),
        ("core/klines.py", "import trader.core.indicators", "no cycles BROKEN"),
        ("undeclared.py", "", "trader.undeclared"),
    ],
)
def test_an_import_in_the_wrong_direction_is_found(tmp_path, module, line, verdict):
    shutil.copytree(PACKAGE, tmp_path / "trader", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    broken = tmp_path / "trader" / module
    text = broken.read_text() if broken.exists() else ""
    broken.write_text(f"{text}\n{line}\n")
    outcome = lint_imports(tmp_path)
    assert outcome.returncode != 0
    assert verdict in outcome.stdout


@pytest.mark.parametrize("path", CORE, ids=named)
def test_the_core_reads_no_clock_no_file_no_environment_and_prints_nothing(path):
    assert impurities(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "open('x')",
        "print(1)",
        "frame.to_parquet('x')",
        "frame.to_csv('x')",
        "pd.read_parquet('x')",
        "pd.read_csv('x')",
        "datetime.now(UTC)",
        "datetime.datetime.utcnow()",
        "pd.Timestamp.now()",
        "date.today()",
        "np.random.default_rng(1)",
        "np.save('x', y)",
        "array.tofile('x')",
        "os.environ['x']",
        "path.write_text('x')",
        "__import__('os')",
        "clock = datetime.now",
    ],
)
def test_an_impure_line_is_found(line):
    assert len(impurities(f"def f():\n    {line}\n")) == 1


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_seed_is_an_argument(path):
    assert unseeded(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "default_rng()",
        "np.random.default_rng()",
        "default_rng(None)",
        "default_rng(seed=None)",
        "np.random.SeedSequence()",
        "from numpy.random import normal",
    ],
)
def test_a_draw_without_a_seed_is_found(line):
    assert len(unseeded(f"def f():\n    {line}\n")) == 1


@pytest.mark.parametrize(
    "line", ["default_rng(seed)", "default_rng(0)", "default_rng(seed=seed)", "from numpy.random import default_rng"]
)
def test_a_draw_with_a_seed_is_allowed(line):
    assert unseeded(f"def f(seed):\n    {line}\n") == []


def test_the_core_is_looked_at_at_all():
    assert {"klines", "indicators", "labels", "decision", "orders", "accounting", "risk", "policy", "strategy"} <= {
        path.stem for path in CORE
    }
    assert {"bootstrap", "baselines"} <= {path.stem for path in CORE if path.parent.name == "evaluation"}


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_file_is_short_and_has_a_name_that_says_something(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
    assert not SAYS_NOTHING & set(path.stem.split("_"))


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_file_opens_by_saying_what_lives_in_it(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", CORE, ids=named)
def test_everything_public_in_the_core_is_described(path):
    public = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("path", CORE, ids=named)
def test_every_core_module_has_its_own_tests(path):
    if path.stem != "__init__":
        place = ROOT / "tests" / path.relative_to(PACKAGE).parent
        assert (place / f"test_{path.stem}.py").is_file()
