"""The made-up recorded data of the training tests."""

from tests.policy.conftest import data, processor

__all__ = ["data", "processor"]
