"""How answers are scored: plain Python, so that any rule can be read, and tested against values of the original tools."""
