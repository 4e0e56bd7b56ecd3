# MuJoCo's names live in compiled modules without stubs, which pyright takes for missing; to it they are Any.
from typing import Any

def __getattr__(name: str) -> Any: ...
