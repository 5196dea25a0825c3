"""The base class that is written into a file whose trains minimize nothing: epochs, progress, checkpoints. Plain PyTorch."""

ROUNDS = '''
class Trainer(nn.Module):
    """What every training below shares. A training has a `step`, which makes one round with a batch
    and returns its numbers by name; `fit` makes the rounds of some epochs.
    """

    step: Callable[..., dict[str, float]]

    def fit(
        self,
        batches: Iterable[Any],
        epochs: int = 1,
        *,
        seed: int | None = None,
        checkpoint: str | Path | None = None,
    ) -> list[dict[str, float]]:
        """Train on batches, each the inputs of `step`, in order or by name; returns every epoch's
        mean numbers by name.

        seed: of all that is drawn. checkpoint: a file from which training goes on if it exists, and
        which is written whole after every epoch: stopped at any moment, it ends as if it had not.
        """
        if checkpoint is not None:
            Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
        history: list[dict[str, float]] = []
        if checkpoint is not None and Path(checkpoint).exists():
            history = self.resume(checkpoint)
        elif seed is not None:
            torch.manual_seed(seed)
        for epoch in range(len(history), epochs):
            history.append(self.run(batches, f"epoch {epoch + 1}/{epochs}"))
            if checkpoint is not None:
                self.save(checkpoint, history)
        return history

    def run(self, batches: Iterable[Any], title: str) -> dict[str, float]:
        """One pass through the batches, with a line of progress; the mean numbers by name."""
        size = len(batches) if isinstance(batches, Sized) else 0
        totals: dict[str, float] = {}
        means: dict[str, float] = {}
        count = 0
        for count, batch in enumerate(batches, 1):
            for name, value in self.prepared(batch)().items():
                totals[name] = totals.get(name, 0.0) + value
            means = {name: total / count for name, total in totals.items()}
            if sys.stderr.isatty():
                print(f"\\r{progress(title, count, size, means)}", end="", file=sys.stderr)
        if not count:
            raise ValueError(f"{title} has no batches: an empty list, or a spent generator")
        line = progress(title, 0, 0, means)
        print(f"\\r\\033[K{line}" if sys.stderr.isatty() else line, file=sys.stderr)
        return means

    def prepared(self, batch: Any) -> Callable[[], dict[str, float]]:
        """The step with a batch: a tuple or list of its inputs, a mapping by name, or the only one."""
        if isinstance(batch, Mapping):
            return partial(self.step, **batch)
        inputs = batch if isinstance(batch, (tuple, list)) else (batch,)
        return partial(self.step, *inputs)

    def save(self, path: str | Path, history: list[dict[str, float]]) -> None:
        """Write all that is needed to go on: memories, random state, numbers so far."""
        parts, random = self.state_dict(), torch.get_rng_state()
        partial = Path(f"{path}.partial")
        torch.save({"parts": parts, "random": random, "history": history}, partial)
        partial.replace(path)

    def resume(self, path: str | Path) -> list[dict[str, float]]:
        """Read what `save` wrote; returns the numbers so far."""
        state = torch.load(path, map_location="cpu")
        self.load_state_dict(state["parts"])
        torch.set_rng_state(state["random"])
        return list(state["history"])
'''
