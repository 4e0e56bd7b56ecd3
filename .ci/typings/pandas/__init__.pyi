# Of a frame's columns pandas' own types say only that they may be a frame, a series, an array or a number; to pyright they are Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
