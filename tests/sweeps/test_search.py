"""What a search draws and counts, on made-up runs."""

import math
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from mnistgen.errors import UserError
from mnistgen.sweeps import names, spaces
from mnistgen.sweeps.jobs import Job
from mnistgen.sweeps.search import Search, opened
from mnistgen.tracking import store
from mnistgen.tracking.folder import RunFolder

optuna = pytest.importorskip("optuna")


@pytest.fixture
def search(new_run, tmp_path, composed):
    """A search whose first run diverges, and has 7 when it is tried again; the others have 5."""

    class SearchOfMadeUpRuns(Search):
        def __init__(self, retry, n_trials):
            super().__init__(metric="val/fid", params={}, n_trials=n_trials, n_jobs=1, seed=1)
            self.optuna, self.folder, self.refused = optuna, tmp_path, {}
            self.config = OmegaConf.create({"retry": retry})

        def job(self, overrides):
            values = dict(override.split("=") for override in overrides)
            config = composed()
            config["data"]["batch_size"] = int(values.get("data.batch_size", 128))
            run = RunFolder(self.folder / names.folder_name(overrides, []))
            return Job(run, "densevae", overrides, config)

        def train(self, jobs):
            for job in jobs:
                first, again = not store.runs_in(self.folder), job.run.exists()
                if not again:
                    new_run(name=job.run.path.name)
                if first:
                    job.run.update(status="failed", failure="diverged")
                else:
                    job.run.write_metrics([{"epoch": 1, "val/fid": 7.0 if again else 5.0}])
                    job.run.update(status="finished", failure=None)

    def make(retry=None, n_trials=2):
        return SearchOfMadeUpRuns(retry, n_trials)

    return make


@pytest.mark.parametrize("retries", [1, 2])
def test_a_failed_run_that_is_trained_again_is_told_to_the_study_once(search, retries):
    space = {"optim.lr": optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True)}
    study = optuna.create_study(study_name="a study")
    for retry in (None, None, *["failed"] * retries, None):
        jobs = search(retry)._train_study(study, [], space)
        assert len({job.run.path for job in jobs}) == 2
    assert [trial.value for trial in study.get_trials()] == [math.inf, 5.0, 7.0]
    assert study.get_trials()[2].params == study.get_trials()[0].params


def test_a_search_takes_no_fid_of_another_feature_network(search):
    space = {"optim.lr": optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True)}
    study = optuna.create_study(study_name="a study")
    search()._train_study(study, [], space)
    study.set_user_attr("features_sha256", "other")
    for _ in range(2):
        with pytest.raises(UserError, match=r"another feature network: .* sweep=NAME"):
            search(n_trials=3)._train_study(study, [], space)
    assert len(study.get_trials()) == 3


def test_a_choice_that_is_not_allowed_does_not_count(search, tmp_path):
    # 63 leaves a last batch of one image
    space = {"data.batch_size": optuna.distributions.IntDistribution(62, 64)}
    study = optuna.create_study(study_name="a study")
    for _ in range(2):
        jobs = search(n_trials=9)._train_study(study, [], space)
        assert len(jobs) == 9
        sizes = {trial.params["data.batch_size"]: trial.state.name for trial in study.get_trials()}
        assert sizes == {62: "COMPLETE", 63: "FAIL", 64: "COMPLETE"}
    assert len(store.runs_in(tmp_path)) == 2


def test_a_search_without_an_allowed_choice_gives_up_and_says_why(search, tmp_path):
    space = {"data.batch_size": optuna.distributions.IntDistribution(63, 63)}
    study = optuna.create_study(study_name="a study")
    with pytest.raises(
        UserError, match=r"is allowed; the last: data.val_size=5000 is not allowed"
    ):
        search()._train_study(study, [], space)
    assert store.runs_in(tmp_path) == []


def test_a_search_of_another_kind_of_interval_needs_another_name(search):
    kinds = optuna.distributions
    study = optuna.create_study(study_name="a study")
    for space in (kinds.FloatDistribution(1, 9, log=True), kinds.IntDistribution(1, 9)):
        run = search(n_trials=1 if space.log else 2)
        if space.log:
            run._train_study(study, [], {"optim.lr": space})
        else:
            with pytest.raises(UserError, match="sweep=NAME"):
                run._train_study(study, [], {"optim.lr": space})


def test_a_study_is_told_one_metric_only(search):
    study = optuna.create_study(study_name="a study")
    run = search()
    run._check_study(study)
    run._check_study(study)
    run.options["metric"] = "val/loss"
    with pytest.raises(UserError, match=r"a search for a low val/fid: .* sweep=NAME"):
        run._check_study(study)


def drawn(line):
    return spaces.distribution(OverridesParser.create().parse_override(line))


def test_a_key_of_whole_numbers_is_searched_among_whole_numbers():
    whole, real = optuna.distributions.IntDistribution, optuna.distributions.FloatDistribution
    assert drawn("model.latent_dim=interval(2,3)") == whole(2, 3)
    assert drawn("data.batch_size=tag(log,interval(32,128))") == whole(32, 128, log=True)
    assert drawn("trainer.limit_train_batches=interval(0.1,1)") == real(0.1, 1.0)
    assert drawn("optim.lr=interval(1,3)") == real(1, 3)
    assert drawn("+trainer.gradient_clip_val=interval(1,3)") == real(1, 3)
    assert drawn("+trainer.foo=int(interval(1,3))") == whole(1, 3)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("optim.lr=interval(-1,1)", "optim.lr=-1 .* a number above 0"),
        ("optim.momentum=interval(0,1.5)", "optim.momentum=1.5 .* below 1"),
        ("model.latent_dim=interval(0,3)", "model.latent_dim=0 .* a whole number from 1"),
        ("model.latent_dim=interval(2.5,3)", "model.latent_dim=2.5 .* a whole number"),
        ("optim.lr=interval(1e-3,inf)", "optim.lr=inf .* a number"),
        ("optim.lr=interval(1e-2,1e-3)", r"optim.lr=interval\(1e-2,1e-3\) .*low <= high"),
        ("optim.weight_decay=tag(log,interval(0,1))", "weight_decay=tag.*low > 0"),
    ],
)
def test_an_end_that_is_not_allowed_is_named_before_anything_is_trained(line, named):
    with pytest.raises(UserError, match=named):
        drawn(line)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's list of open files")
def test_the_studies_are_closed_after_a_search(tmp_path):
    def is_open():
        files = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return any(path.readlink() == tmp_path / "study.db" for path in files)

    with opened(tmp_path / "study.db") as storage:
        optuna.create_study(study_name="a study", storage=storage).ask()
        assert is_open()
    assert not is_open()
