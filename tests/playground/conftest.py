"""One engine for all tests: to start it takes as long as most of them."""

import pytest

from tests.playground.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine()
