"""Do the models learn? On a sixth of the real digits, against what no broken model reaches."""

from mnistgen.training.session import train

SIXTH = "data.val_size=50000"


def test_densevae_learns_in_two_epochs(new_run):
    # Measured: 144 nats. The best image that is the same for all digits (the mean image) has
    # 206 on these validation images, an untrained model 543: below 160, latents are used.
    run = new_run(SIXTH, "trainer.max_epochs=2", "optim.lr=2e-3", "trainer.limit_val_batches=40")
    train(run)
    rows = run.metrics()
    assert rows[-1]["val/loss"] < 160
    assert rows[-1]["val/kl"] > 5  # nats; nothing is in the latents at 0


def test_cnngan_moves_towards_the_data(new_run):
    run = new_run(
        SIXTH,
        "model=cnngan",
        "trainer.max_epochs=2",
        "trainer.quality_every=1",
        "trainer.limit_val_batches=2",
        "optim.lr=1e-3",
        "optim.betas=[0.5,0.999]",
    )
    train(run)
    # Measured: 346. Noise has 960, black 998, the mean image 911, an untrained cnngan 952, one
    # digit again and again 1275, as many real images 5.
    assert run.metrics()[-1]["val/fid"] < 500
