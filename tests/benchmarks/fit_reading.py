"""Learns what ``monitor.stories.reading`` adds to the language model, from the labelled pairs.

``python -m tests.benchmarks.fit_reading`` writes ``monitor/stories/reading/learnt.npz``. It needs
PyTorch, which nothing else here does, and about an hour on two cores. First all weights are learnt;
then what each matrix has changed by is cut to a product of two narrow ones, and these are learnt
further. Files with ``exam`` in their names take no part.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from monitor.stories import reading
from monitor.stories.reading import base
from monitor.stories.reading.network import MOST_PIECES
from monitor.stories.reading.pieces import Pieces
from tests.benchmarks import fit_stories

TARGET = Path(reading.__file__).with_name(reading.LEARNT)
WIDTH, SEED, BATCH, DROPPED = 16, 0, 32, 0.1
# Headlines of streams and of the project that resemble each other and are other news.
OF_STREAMS, STRANGERS = 4_000, 1_500
MATRICES = ("q", "k", "v", "ao", "fi", "fo")
SURELY = 0.99  # no label is certain
Item = tuple[list[int], list[int], float]


def matrix(values: np.ndarray[Any, Any], *shape: int) -> torch.Tensor:
    plain = bytearray(np.ascontiguousarray(values, np.float32).tobytes())
    return torch.frombuffer(plain, dtype=torch.float32).reshape(shape)


class Layer(nn.Module):
    """A layer of the model, as ``network`` has it."""

    def __init__(self, model: base.Base, number: int) -> None:
        super().__init__()
        self.heads = model.heads
        sizes = {"fi": (model.inner, model.width), "fo": (model.width, model.inner)}
        for name in MATRICES:
            rows, columns = sizes.get(name, (model.width, model.width))
            linear = nn.Linear(columns, rows)
            linear.weight.data = matrix(model.tensor(f"l{number}.{name}.w"), rows, columns)
            linear.bias.data = matrix(model.tensor(f"l{number}.{name}.b"), rows)
            self.add_module(name, linear)
        for name in ("aln", "oln"):
            self.add_module(name, normal(model, f"l{number}.{name}"))
        self.drop = nn.Dropout(DROPPED)

    def forward(self, seen: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        size, length, width = seen.shape
        query, key, value = (
            getattr(self, name)(seen).view(size, length, self.heads, -1).transpose(1, 2)
            for name in "qkv"
        )
        likeness = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5 + hidden
        told = self.drop(likeness.softmax(-1)) @ value
        told = self.ao(told.transpose(1, 2).reshape(size, length, width))
        seen = self.aln(seen + self.drop(told))
        return self.oln(seen + self.drop(self.fo(functional.gelu(self.fi(seen)))))


def normal(model: base.Base, name: str) -> nn.LayerNorm:
    layer = nn.LayerNorm(model.width, model.epsilon)
    layer.weight.data = matrix(model.tensor(f"{name}.w"), model.width)
    layer.bias.data = matrix(model.tensor(f"{name}.b"), model.width)
    return layer


class Reader(nn.Module):
    """Reads two titles at once; log-odds that they tell the same news."""

    def __init__(self, model: base.Base) -> None:
        super().__init__()
        width = model.width
        self.model = model
        places = matrix(model.tensor("emb.pos"), -1, width)[: 2 * MOST_PIECES + 4]
        self.type = matrix(model.tensor("emb.type")[:width], width)
        self.pos = nn.Parameter(places)
        self.seg = nn.Parameter(torch.zeros(2, width))
        self.eln = normal(model, "emb.ln")
        self.layers = nn.ModuleList(Layer(model, at) for at in range(model.layers))
        self.drop = nn.Dropout(DROPPED)
        self.h1, self.h2 = nn.Linear(3 * width, width), nn.Linear(width, 1)

    def forward(self, ids: np.ndarray[Any, Any], side: torch.Tensor, there: torch.Tensor) -> Any:
        words = matrix(self.model.words(ids.reshape(-1)), *ids.shape, self.model.width)
        seen = words + self.pos[: ids.shape[1]] + self.type + self.seg[side]
        seen = self.drop(self.eln(seen))
        hidden = (1 - there)[:, None, None, :] * -1e4
        for layer in self.layers:
            seen = layer(seen, hidden)
        one, other = (
            (seen * mask[..., None]).sum(1) / mask.sum(1)[:, None]
            for mask in (there * (side == 0), there * (side == 1))
        )
        both = torch.cat([(one - other).abs(), one * other, seen[:, 0]], 1)
        return self.h2(self.drop(torch.tanh(self.h1(both))))[:, 0]


class Narrow(nn.Module):
    """A matrix as the model has it and a product of two narrow ones."""

    def __init__(self, plain: torch.Tensor, changed: torch.Tensor) -> None:
        super().__init__()
        left, values, right = torch.linalg.svd(changed - plain, full_matrices=False)
        roots = values[:WIDTH].sqrt()
        self.register_buffer("plain", plain)
        self.u = nn.Parameter(left[:, :WIDTH] * roots)
        self.v = nn.Parameter(roots[:, None] * right[:WIDTH])

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.plain + self.u @ self.v


def items(pieces: Pieces, rng: random.Random) -> list[Item]:
    """What is learnt from, as numbers of pieces."""
    pairs = [pair for part in fit_stories.parts().values() for pair in part]
    others = [pair for pair in pairs if pair.get("kind") == "stream" and not pair["same"]]
    strangers = fit_stories.strangers()
    chosen = [pair for pair in pairs if pair.get("kind") != "stream" or pair["same"]]
    chosen += rng.sample(others, OF_STREAMS) + rng.sample(strangers, STRANGERS)
    return [
        (*(pieces.numbers(pair[side])[:MOST_PIECES] for side in "ab"), float(pair["same"]))
        for pair in chosen
    ]


def batches(known: list[Item], rng: random.Random) -> Iterator[list[Item]]:
    """Without end, such as are of like length together."""
    while True:
        rng.shuffle(known)
        for start in range(0, len(known), 20 * BATCH):
            some = sorted(
                known[start : start + 20 * BATCH], key=lambda each: len(each[0] + each[1])
            )
            found = [some[at : at + BATCH] for at in range(0, len(some), BATCH)]
            rng.shuffle(found)
            yield from found


def laid_out(batch: list[Item], pieces: Pieces, rng: random.Random) -> tuple[Any, ...]:
    """Pairs as the reader takes them, either title first: pieces, sides, and what is there."""
    begin, end, pad, _ = pieces.special
    rows = []
    for one, other, _ in batch:
        left, right = (one, other) if rng.random() < 0.5 else (other, one)
        rows.append(([begin, *left, end], [end, *right, end]))
    length = max(len(left) + len(right) for left, right in rows)
    ids = np.full((len(rows), length), pad)
    side, there = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length)
    for at, (left, right) in enumerate(rows):
        ids[at, : len(left) + len(right)] = left + right
        side[at, len(left) : len(left) + len(right)] = 1
        there[at, : len(left) + len(right)] = 1
    return ids, side, there


def learn(reader: Reader, groups: list[dict[str, Any]], steps: int, known: list[Item]) -> None:
    """So many steps of ``groups`` of weights, each with a pace of its own."""
    rng, pieces = random.Random(SEED), Pieces(reader.model.tokenizer)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / (0.1 * steps)) * max(0.02, 1 - step / steps)
    )
    weights = [weight for group in groups for weight in group["params"]]
    began, usual = time.time(), 0.7
    for step, batch in zip(range(steps), batches(known, rng), strict=False):
        wanted = torch.tensor([same * (2 * SURELY - 1) + 1 - SURELY for *_, same in batch])
        margins = reader(*laid_out(batch, pieces, rng))
        loss = functional.binary_cross_entropy_with_logits(margins, wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        pace.step()
        usual = 0.98 * usual + 0.02 * loss.item()
        if step % 25 == 0:
            print(f"{step} of {steps}: loss {usual:.3f}, {time.time() - began:.0f} s", flush=True)


def narrow(reader: Reader) -> list[nn.Parameter]:
    """Cut what all matrices have changed by to narrow ones; returns these."""
    found = []
    for layer, plain in zip(reader.layers, Reader(reader.model).layers, strict=True):
        for name in MATRICES:
            linear = getattr(layer, name)
            small = Narrow(getattr(plain, name).weight.detach(), linear.weight.detach())
            linear.weight.requires_grad = False
            parametrize.register_parametrization(linear, "weight", small)
            found += [small.u, small.v]
    return found


def store(reader: Reader, path: Path) -> None:
    """Write what was learnt, in half precision."""
    named = {"pos": reader.pos, "seg": reader.seg}
    for name, part in (("emb.ln", reader.eln), ("h1", reader.h1), ("h2", reader.h2)):
        named |= {f"{name}.w": part.weight, f"{name}.b": part.bias}
    for number, layer in enumerate(reader.layers):
        for name in MATRICES:
            small = getattr(layer, name).parametrizations.weight[0]
            named |= {f"l{number}.{name}.u": small.u, f"l{number}.{name}.v": small.v}
            named[f"l{number}.{name}.b"] = getattr(layer, name).bias
        for name in ("aln", "oln"):
            part = getattr(layer, name)
            named |= {f"l{number}.{name}.w": part.weight, f"l{number}.{name}.b": part.bias}
    half = {name: np.array(value.tolist(), np.float16) for name, value in named.items()}
    np.savez_compressed(path, **half)  # type: ignore[arg-type]


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument(
        "--passes", type=float, default=2.0, help="over all pairs, then half as many"
    )
    asked.add_argument("--target", type=Path, default=TARGET)
    arguments = asked.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(os.cpu_count() or 1)
    model = base.read(base.find())
    reader = Reader(model)
    known = items(Pieces(model.tokenizer), random.Random(SEED))
    steps = max(1, int(arguments.passes * len(known) / BATCH))
    new = [*reader.h1.parameters(), *reader.h2.parameters(), reader.seg]
    mine = {id(weight) for weight in new}
    rest = [weight for weight in reader.parameters() if id(weight) not in mine]
    learn(reader, [{"params": new, "lr": 4e-4}, {"params": rest, "lr": 8e-5}], steps, known)
    small = narrow(reader)
    mine = {id(weight) for weight in small}
    rest = [each for each in reader.parameters() if each.requires_grad and id(each) not in mine]
    groups = [{"params": small, "lr": 3e-4}, {"params": rest, "lr": 5e-5}]
    learn(reader, groups, max(1, steps // 2), known)
    store(reader, arguments.target)


if __name__ == "__main__":
    main()
