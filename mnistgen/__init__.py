"""Train, measure and compare small generative models of handwritten digits.

Commands check their input before anything heavy is imported. So these import no torch: the
commands, cli, config, files, runs (but for its checkpoints), plots.tables, sweeps, system, and of
training its session, resume and signals. A command has one import inside of it, of what does its
work.
"""

__version__ = "0.1.0"
