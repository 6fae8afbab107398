"""The channels that are distributions of their own: what is in them, and what they lean on."""

from __future__ import annotations

import ast
import tomllib
import zipfile
from pathlib import Path

import pytest
from wheels import wheel_of

CHECKOUT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in CHECKOUT.glob("cobot_*/pyproject.toml"))
SOURCES = [path for folder in FOLDERS for path in sorted(folder.glob("*.py"))]

FOR_CHANNELS = {"cobot", "cobot.kit", "cobot.net", "cobot.text"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_channel_imports_what_channels_may(path: Path) -> None:
    """The public names of the core, what is made for channels, and itself."""
    own = path.parent.name
    imported = {
        str(node.module)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    ours = {name for name in imported if name.startswith("cobot")}
    foreign = {name for name in ours if name != own and not name.startswith(f"{own}.")}
    assert foreign <= FOR_CHANNELS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_wheel_holds_the_channel_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    """Built from the folder as it is: the package is the folder itself."""
    with zipfile.ZipFile(wheel_of(folder, tmp_path)) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        (entry_points,) = (
            archive.read(name).decode()
            for name in archive.namelist()
            if name.endswith("entry_points.txt")
        )

    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    ((name, target),) = project["entry-points"]["cobot"].items()
    ours = {f"{folder.name}/{path.name}" for path in folder.glob("*.py")}
    assert names == ours | {f"{folder.name}/py.typed"}
    assert name == folder.name.removeprefix("cobot_")
    assert f"{name} = {target}\n" in entry_points
