"""What TensorBoard makes of what is recorded."""

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams.backend_context import Context

from mnistgen.training.session import train


def test_the_hparams_tab_has_the_keys_and_metrics_of_all_runs_of_a_sweep(new_run, tmp_path):
    short = ("logger=tensorboard", "trainer=smoke")
    train(new_run(*short, "model=densegan", name="sweep/model-densegan"))
    train(new_run(*short, "model=densevae", "optimizer=sgd", name="sweep/model-densevae"))
    events = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "sweep"))
    events.Reload()
    provider = MultiplexerDataProvider(events, str(tmp_path / "sweep"))
    request = RequestContext()
    context = Context(TBContext(data_provider=provider))
    recorded = context.hparams_metadata(request, "")
    shown = context.experiment_from_metadata(request, "", True, recorded, [])

    assert set(recorded) == {"model-densegan", "model-densevae"}
    differing = {info.name for info in shown.hparam_infos if info.differs}
    assert {"model", "optim", "optim.lr", "model.latent_dim"} <= differing
    assert "optim.momentum" in {info.name for info in shown.hparam_infos}
    metrics = {info.name.tag for info in shown.metric_infos}
    assert {"val/fid", "val/loss", "train/g_loss", "train/loss"} <= metrics
