"""metadata.py SOURCE VERSION TARGET: what importlib.metadata reads, out of
pyproject.toml, for a package that no wheel was made of."""

import sys
from pathlib import Path

import tomllib  # type: ignore[import-not-found] # since 3.11


def main() -> None:
    source, version, target = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    text = (source / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
    ]
    lines += [f"Requires-Dist: {each}" for each in project["dependencies"]]
    name = project["name"].replace("-", "_")
    directory = target / f"{name}-{version}.dist-info"
    directory.mkdir()
    metadata = "\n".join(lines) + "\n"
    (directory / "METADATA").write_text(metadata, "utf-8")
    (directory / "INSTALLER").write_text("debian\n", "utf-8")


if __name__ == "__main__":
    main()
