"""How fast the project trains, beside four other ways to train the same: python -m benchmarks."""
