"""What is in the distribution."""

import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from wheels import wheel_of

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the core's wheel, built from a copy of the checkout."""
    built = wheel_of(CHECKOUT, tmp_path_factory.mktemp("wheel"))
    assert built.name.startswith("cobot_core-")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_core_and_nothing_else(wheel: list[str]) -> None:
    """Channels and tests do not travel in the core's wheel."""
    tops = {name.split("/")[0] for name in wheel}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"cobot"}


def test_the_wheel_holds_all_of_the_core(wheel: list[str]) -> None:
    """Every module is shipped, and the marker that it is typed."""
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "cobot").rglob("*.py")}

    assert modules <= set(wheel)
    assert "cobot/py.typed" in wheel


def test_the_installed_distribution_is_the_core() -> None:
    """The distribution is cobot-core: the name cobot belongs to somebody else."""
    installed = distribution("cobot-core")

    assert installed.metadata["License"] == "MIT"
    assert {one.name for one in installed.entry_points if one.group == "cobot"} == {
        "command",
        "console",
        "dry-run",
        "echo",
        "function",
        "sqlite",
        "workspace",
    }
