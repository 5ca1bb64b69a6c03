from hydra.core.override_parser.overrides_parser import OverridesParser

from benchmarks.options import overrides


def test_options_are_overrides_of_the_same_values():
    options = {"lr": "cosine", "optim": {"lr": 1e-5, "betas": [0.5, 0.99], "fused": None}}
    parsed = OverridesParser.create().parse_overrides(list(overrides(options)))
    assert {override.key_or_group: override.value() for override in parsed} == {
        "lr": "cosine",
        "optim.lr": 1e-5,
        "optim.betas": [0.5, 0.99],
        "optim.fused": None,
    }
