"""What several tests of the kernels begin with."""

from collections.abc import Iterator

import pytest

from tucker_core import algebra, tucker_plan


@pytest.fixture(params=["compiled", "numpy"], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the kernels do the work, or their readable twins."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(tucker_plan, "can_compile", lambda: False)
            patch.setattr(algebra, "can_compile", lambda: False)
        tucker_plan._plan_for.cache_clear()
        yield
    tucker_plan._plan_for.cache_clear()
