"""Writes the list of files in each folder's README anew: every file with the first sentence of its docstring.

With `--check` it writes nothing and fails if a list is not the present one.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("envs", "policy", "experiments", "sim2real")
START, END = "<!-- tree -->", "<!-- /tree -->"
WIDTH = 34


def first_sentence(path: Path) -> str:
    """The first docstring line, without its full stop."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0].rstrip(".")


def lines(folder: Path, depth: int = 0) -> list[str]:
    """One line for a package, then one for each of its files and, indented, its packages."""
    indent = "  " * depth
    found = [f"{indent + folder.name + '/':<{WIDTH}} {first_sentence(folder / '__init__.py')}"]
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            found.append(f"{indent + '  ' + path.name:<{WIDTH}} {first_sentence(path)}")
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        found += lines(inner, depth + 1)
    return found


def with_tree(text: str, folder: Path) -> str:
    """A README's text with the list between its marks replaced by the present one."""
    before, rest = text.split(START)
    return "\n".join([before + START, "```", *lines(folder), "```", END + rest.split(END)[1]])


def main() -> None:
    """Rewrite the READMEs between the marks, or check them."""
    for name in FOLDERS:
        readme = ROOT / name / "README.md"
        text = readme.read_text()
        new = with_tree(text, ROOT / name)
        if "--check" in sys.argv and new != text:
            sys.exit(f"{name}/README.md: the list of files is not the present one; run: make tree")
        if "--check" not in sys.argv:
            readme.write_text(new)


if __name__ == "__main__":
    main()
