import atexit
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sized
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import torch
from torch import Tensor, nn


class Trainer(nn.Module):
    """What every training below shares. A training has a `step`, which makes one update of each of
    its objectives from a batch and returns the losses by name; `fit` runs it over epochs.

    Under `torchrun`, each process takes its part of every batch and gradients are averaged, so the
    losses are those of one process. Call `shard` first to split the parameters as well.
    """

    step: Callable[..., dict[str, float]]
    evaluating = False
    differentiates = False  # whether a step asks for gradients itself, in evaluation too
    sharded = False
    rank, world = 0, 1
    clip: float | None = None
    steps = 0

    def fit(
        self,
        batches: Iterable[Any],
        epochs: int = 1,
        *,
        validate: Iterable[Any] | None = None,
        patience: int | None = None,
        clip: float | None = None,
        schedule: Callable[[int], float] | None = None,
        seed: int | None = None,
        checkpoint: str | Path | None = None,
    ) -> list[dict[str, float]]:
        """Train on batches, each the inputs of `step`, in order or by name; returns every epoch's
        mean losses by name.

        validate: batches on which the losses are taken after each epoch, as `valid_…`.
        patience: stop when the sum of these (else of all) losses has not fallen for so many epochs.
        clip: the largest norm of a gradient. schedule: the factor of the learning rates at a step.
        seed: of all that is drawn. checkpoint: a file from which training goes on if it exists, and
        which is written whole after every epoch: stopped at any moment, it ends as if it had not.
        """
        if patience is not None and patience < 1:
            raise ValueError(f"patience is a number of epochs, at least 1, not {patience}")
        if checkpoint is not None:
            Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
        self.clip = clip
        self.join()
        history: list[dict[str, float]] = []
        if checkpoint is not None and Path(checkpoint).exists():
            history = self.resume(checkpoint)
        elif seed is not None:
            torch.manual_seed(seed)
        for epoch in range(len(history), epochs):
            if patience is not None and stalled(history, patience):
                break
            means = self.run(batches, f"epoch {epoch + 1}/{epochs}", schedule)
            if validate is not None:
                means |= {f"valid_{name}": loss for name, loss in self.evaluate(validate).items()}
            history.append(means)
            if checkpoint is not None:
                self.save(checkpoint, history)
        return history

    def run(
        self, batches: Iterable[Any], title: str, schedule: Callable[[int], float] | None = None
    ) -> dict[str, float]:
        """One pass through the batches, with a line of progress; the mean losses by name."""
        groups = [group for o in self.optimizers().values() for group in o.param_groups]
        rates = [group["lr"] for group in groups]
        size = len(batches) if isinstance(batches, Sized) else 0
        totals: dict[str, float] = {}
        means: dict[str, float] = {}
        count = 0
        for count, batch in enumerate(batches, 1):
            factor = schedule(self.steps) if schedule is not None else 1.0
            for group, rate in zip(groups, rates, strict=True):
                group["lr"] = rate * factor
            for name, value in self.checked(batch).items():
                totals[name] = totals.get(name, 0.0) + value
            self.steps += not self.evaluating
            means = {name: total / count for name, total in totals.items()}
            if sys.stderr.isatty() and self.rank == 0:
                print(f"\r{progress(title, count, size, means)}", end="", file=sys.stderr)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        if not count:
            raise ValueError(f"{title} has no batches: an empty list, or a spent generator")
        means = self.averaged(means)
        if self.rank == 0:
            line = progress(title, 0, 0, means)
            print(f"\r\033[K{line}" if sys.stderr.isatty() else line, file=sys.stderr)
        return means

    def evaluate(self, batches: Iterable[Any]) -> dict[str, float]:
        """The mean losses by name, in evaluation mode; nothing is updated."""
        if not self.optimizers():
            raise ValueError("nothing is minimized here, so there are no losses to evaluate")
        self.evaluating = True
        try:
            with torch.set_grad_enabled(self.differentiates):
                return self.run(batches, "evaluation")
        finally:
            self.evaluating = False

    def checked(self, batch: Any) -> dict[str, float]:
        """One step. A loss that is no finite number ends the run, with the module it began in."""
        step = self.prepared(batch)
        random = torch.get_rng_state()
        try:
            return step()
        except FloatingPointError as problem:
            torch.set_rng_state(random)
            origin = self.origin(step)
            when = "evaluation" if self.evaluating else f"step {self.steps + 1}"
            raise FloatingPointError(f"{when}: {problem}{origin}") from None

    def prepared(self, batch: Any) -> Callable[[], dict[str, float]]:
        """The step with a batch: a tuple or list of its inputs, a mapping by name, or the only one."""
        if isinstance(batch, Mapping):
            return partial(self.step, **{name: self.part(x) for name, x in batch.items()})
        inputs = batch if isinstance(batch, (tuple, list)) else (batch,)
        return partial(self.step, *(self.part(x) for x in inputs))

    def origin(self, step: Callable[[], dict[str, float]]) -> str:
        """The first module that gives something infinite or undefined in this step."""
        found: list[str] = []

        def look(name: str, output: Any) -> None:
            values = output if isinstance(output, tuple) else (output,)
            tensors = [v for v in values if isinstance(v, Tensor) and v.is_floating_point()]
            if not all(v.isfinite().all() for v in tensors):
                found.append(name)

        handles = [
            module.register_forward_hook(lambda _m, _x, y, name=name: look(name, y))
            for name, module in self.named_modules()
        ]
        try:
            step()
        except FloatingPointError:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return f"; the first that is not finite comes from {found[0]}" if found else ""

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers, by name."""
        return {n: v for n, v in vars(self).items() if isinstance(v, torch.optim.Optimizer)}

    def descend(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """One update of what the optimizer holds. No other parameter is changed."""
        if not loss.isfinite():
            raise FloatingPointError(f"a loss is {loss.item()}")
        if self.evaluating:
            return
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for each in self.optimizers().values():
            each.zero_grad()
        if self.sharded:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            torch.autograd.backward(loss, inputs=parameters)
            self.average(parameters)
        if self.clip is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip)
        optimizer.step()

    def save(self, path: str | Path, history: list[dict[str, float]]) -> None:
        """Write all that is needed to go on: weights, optimizers, random state, losses so far."""
        state = {
            "parts": gathered(self.state_dict()),
            "optimizers": {n: gathered(o.state_dict()) for n, o in self.optimizers().items()},
            "random": torch.get_rng_state(),
            "steps": self.steps,
            "history": history,
        }
        if self.rank == 0:
            partial = Path(f"{path}.partial")
            torch.save(state, partial)
            partial.replace(path)
        self.averaged({"saved": 1.0})  # the others wait for the file

    def resume(self, path: str | Path) -> list[dict[str, float]]:
        """Read what `save` wrote, by any number of processes; returns the losses so far."""
        state = torch.load(path, map_location="cpu")
        own = self.state_dict()
        parts = {n: split(value, own.get(n, value)) for n, value in state["parts"].items()}
        self.load_state_dict(parts)
        for name, optimizer in self.optimizers().items():
            kept = state["optimizers"][name]
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            for i, values in kept["state"].items():
                kept["state"][i] = {n: split(value, parameters[i]) for n, value in values.items()}
            optimizer.load_state_dict(kept)
        torch.set_rng_state(state["random"])
        self.steps = state["steps"]
        return list(state["history"])

    # -- several processes ----------------------------------------------------------------------
    def join(self) -> None:
        """Join the other processes that `torchrun` started, and take the first one's weights."""
        if self.world > 1 or int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return
        from torch import distributed

        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            atexit.register(distributed.destroy_process_group)
        self.rank, self.world = distributed.get_rank(), distributed.get_world_size()
        for tensor in (*self.parameters(), *self.buffers()):
            distributed.broadcast(tensor.data, 0)

    def shard(self) -> None:
        """Split parameters, gradients and optimizers over the processes (FSDP2), block by block."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        self.join()
        # Torch keeps a group that parameters are split over, so its threads outlive the end of the
        # group. One that lets go of a tensor while Python ends aborts the process; let them finish.
        atexit.register(sleep, 0.2)
        names = {id(p): name for name, p in self.named_parameters()}
        mesh = init_device_mesh(next(self.parameters()).device.type, (self.world,))
        blocks = [b for m in self.modules() if isinstance(m, nn.ModuleList) for b in m]
        for module in (*blocks, *self.children()):
            if not isinstance(module, (nn.ModuleList, nn.ModuleDict)):
                fully_shard(module, mesh=mesh)
        parameters = dict(self.named_parameters())
        for optimizer in self.optimizers().values():
            for group in optimizer.param_groups:
                group["params"] = [parameters[names[id(p)]] for p in group["params"]]
        self.sharded = True

    def part(self, value: Any) -> Any:
        """This process's part of an input, along its first axis."""
        if self.world == 1 or not isinstance(value, Tensor) or value.dim() == 0:
            return value
        if len(value) % self.world:
            raise ValueError(f"{len(value)} items cannot be shared by {self.world} processes")
        return value.chunk(self.world)[self.rank]

    def average(self, parameters: list[nn.Parameter]) -> None:
        """Gradients become their mean over all processes."""
        if self.world > 1:
            from torch import distributed

            gradients = [p.grad for p in parameters if p.grad is not None]
            waiting = [distributed.all_reduce(g, async_op=True) for g in gradients]
            for gradient, work in zip(gradients, waiting, strict=True):
                work.wait()
                gradient /= self.world

    def averaged(self, means: dict[str, float]) -> dict[str, float]:
        """Losses become their mean over all processes."""
        if self.world == 1 or not means:
            return means
        from torch import distributed

        values = torch.tensor(list(means.values()), dtype=torch.float64)
        values = values.to(next(self.parameters()).device)
        distributed.all_reduce(values)
        return dict(zip(means, (values / self.world).tolist(), strict=True))


def gathered(value: Any) -> Any:
    """A state with every tensor whole, of which each process may hold a part."""
    if isinstance(value, dict):
        return {key: gathered(item) for key, item in value.items()}
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def split(value: Any, like: Tensor) -> Any:
    """This process's part of a tensor, if it holds one of `like`."""
    if not hasattr(like, "full_tensor") or not isinstance(value, Tensor) or value.dim() == 0:
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, like.device_mesh, like.placements)  # type: ignore[attr-defined]


def progress(title: str, count: int, size: int, means: dict[str, float]) -> str:
    """A line such as `epoch 2/10  ━━━━━─────  50/100  loss 0.1234`."""
    bar = "━" * (20 * count // size) + "─" * (20 - 20 * count // size) if size else ""
    done = [bar, f"{count}/{size}" if size else f"batch {count}"] if count else []
    return "  ".join([title, *filter(None, done), *(f"{n} {v:.4f}" for n, v in means.items())])


def stalled(history: list[dict[str, float]], patience: int) -> bool:
    """Whether the losses have not fallen for so many epochs."""
    sums = [
        sum([v for n, v in means.items() if n.startswith("valid_")] or means.values())
        for means in history
    ]
    return len(sums) > patience and min(sums[-patience:]) >= min(sums[:-patience])
