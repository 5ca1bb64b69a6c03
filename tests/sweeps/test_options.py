"""Options of a sweeper and a launcher that would end in a traceback, or in nothing trained."""

import pytest

from mnistgen.errors import UserError
from mnistgen.sweeps import options

GRID = {"metric": "val/fid", "params": {}}
SEARCH = {**GRID, "n_trials": 20, "n_jobs": -1, "seed": 1}
BAD = {
    "metric": [None, 5, [], {"a": 1}, "", "val/elbo", "val/readable"],
    "params": [None, 3, "seed=1,2", ["seed"]],
    "n_trials": [None, "two", 1.5, 0, -1, True],
    "n_jobs": [None, "two", 1.5, 0, -2],
    "seed": [None, "one", -1, 1.0],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in BAD for value in BAD[key]])
def test_a_bad_option_is_named_with_what_is_allowed(key, value):
    for good, allowed in ((GRID, options.GRID), (SEARCH, options.SEARCH)):
        options.check(good, {}, allowed)
        if key in good:
            with pytest.raises(UserError, match=f"hydra.sweeper.{key}=.* must be ") as error:
                options.check({**good, key: value}, {}, allowed)
            assert "\n" not in str(error.value)


def test_an_unknown_option_is_named_and_one_that_was_deleted():
    with pytest.raises(UserError, match=r"sweeper.foo is not a key: .* metric, params"):
        options.check({**GRID, "foo": 1}, {}, options.GRID)
    with pytest.raises(UserError, match=r"sweeper.metric=null is not allowed"):
        options.check({"params": {}}, {}, options.GRID)


@pytest.mark.parametrize(
    ("launcher", "named"),
    [
        (None, "hydra.launcher=null"),
        ({"n_jobs": 0}, "hydra.launcher.n_jobs=0"),
        ({"ray": {"remote": {"num_cpus": "two"}}}, "num_cpus=two"),
        ({"cpus_per_task": 0}, "cpus_per_task=0"),
        ({"timeout_min": 0}, "timeout_min=0"),
    ],
)
def test_a_bad_option_of_a_launcher_is_named_before_it_starts(launcher, named):
    with pytest.raises(UserError, match=f"{named} is not allowed: it must be "):
        options.check(GRID, launcher, options.GRID)
