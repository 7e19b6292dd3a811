"""Two titles read together by a small language model: how likely they tell the same news. Pure.

A transformer (A. Vaswani et al., Attention Is All You Need, 2017) reads both at once, so that each
word is seen beside those of the other title. Its weights are those of ``base`` and, for each
matrix, a product of two narrow ones that was learnt from labelled pairs (E. Hu et al., LoRA, 2021);
``tests.benchmarks.fit_reading`` writes them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.stories.reading.base import Base
from monitor.stories.reading.pieces import Pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

# Pieces of each title that are read: titles of more are rare, and time grows with them.
MOST_PIECES = 60


class Network:
    """Reads pairs of titles. May be shared by threads."""

    def __init__(self, base: Base, tuned: Mapping[str, Array]) -> None:
        self._base, self._pieces = base, Pieces(base.tokenizer)
        self._layers = [_Layer(base, tuned, number) for number in range(base.layers)]
        self._tuned = {name: tuned[name].astype("float32") for name in tuned if name[0] != "l"}
        self._place = self._tuned["pos"] + base.tensor("emb.type")[: base.width]

    def margin(self, one: str, other: str) -> float:
        """Log-odds that the two tell the same news, whichever is given first."""
        import numpy as np

        first, second = sorted(
            ((self._pieces.numbers(title), title) for title in (one, other)),
            key=lambda each: (len(each[0]), each[1]),
        )
        begin, end, *_ = self._pieces.special
        left = [begin, *first[0][:MOST_PIECES], end]
        right = [end, *second[0][:MOST_PIECES], end]
        seen = self._base.words(np.array(left + right)) + self._place[: len(left) + len(right)]
        seen[: len(left)] += self._tuned["seg"][0]
        seen[len(left) :] += self._tuned["seg"][1]
        seen = self._normal(seen, "emb.ln")
        for layer in self._layers:
            seen = layer.read(seen)
        return self._judge(seen, len(left))

    def _judge(self, seen: Array, border: int) -> float:
        import numpy as np

        one, other = seen[:border].mean(axis=0), seen[border:].mean(axis=0)
        both = np.concatenate([np.abs(one - other), one * other, seen[0]])
        weights = self._tuned
        hidden = np.tanh(weights["h1.w"] @ both + weights["h1.b"])
        return float(weights["h2.w"][0] @ hidden + weights["h2.b"][0])

    def _normal(self, values: Array, name: str) -> Array:
        weight, bias = self._tuned[f"{name}.w"], self._tuned[f"{name}.b"]
        return normalised(values, weight, bias, self._base.epsilon)


class _Layer:
    """One step of reading: what each piece learns from all others, then by itself."""

    def __init__(self, base: Base, learnt: Mapping[str, Array], number: int) -> None:
        import numpy as np

        own = f"l{number}."
        tuned = {name: learnt[name].astype("float32") for name in learnt if name.startswith(own)}

        def matrix(name: str, width: int) -> Array:
            part = f"l{number}.{name}"
            plain = base.tensor(f"{part}.w").reshape(-1, width)
            learnt: Array = plain + tuned[f"{part}.u"] @ tuned[f"{part}.v"]
            return learnt.T.copy()

        self._heads, self._epsilon = base.heads, base.epsilon
        self._asks = np.hstack([matrix(name, base.width) for name in "qkv"])
        self._asks_bias = np.concatenate([tuned[f"l{number}.{name}.b"] for name in "qkv"])
        self._told, self._told_bias = matrix("ao", base.width), tuned[f"l{number}.ao.b"]
        self._wide, self._wide_bias = matrix("fi", base.width), tuned[f"l{number}.fi.b"]
        self._back, self._back_bias = matrix("fo", base.inner), tuned[f"l{number}.fo.b"]
        self._first, self._last = (
            (tuned[f"l{number}.{name}.w"], tuned[f"l{number}.{name}.b"]) for name in ("aln", "oln")
        )

    def read(self, seen: Array) -> Array:
        told = self._attend(seen) @ self._told + self._told_bias
        seen = normalised(seen + told, *self._first, self._epsilon)
        thought = gelu(seen @ self._wide + self._wide_bias) @ self._back + self._back_bias
        return normalised(seen + thought, *self._last, self._epsilon)

    def _attend(self, seen: Array) -> Array:
        import numpy as np

        length, width = seen.shape
        asked = (seen @ self._asks + self._asks_bias).reshape(length, 3, self._heads, -1)
        query, key, value = asked.transpose(1, 2, 0, 3)
        likeness = query @ key.transpose(0, 2, 1) / math.sqrt(width // self._heads)
        shares = np.exp(likeness - likeness.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        found: Array = (shares @ value).transpose(1, 0, 2).reshape(length, width)
        return found


def normalised(values: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """Each row with mean 0 and variance 1, weighed (J. Ba et al., Layer Normalization, 2016)."""
    import numpy as np

    from_mean = values - values.mean(axis=-1, keepdims=True)
    variance = np.square(from_mean).mean(axis=-1, keepdims=True)
    found: Array = from_mean / np.sqrt(variance + np.float32(epsilon)) * weight + bias
    return found


def gelu(values: Array) -> Array:
    """x times the chance that a normal variable is below x, by the usual approximation with tanh
    (D. Hendrycks and K. Gimpel, Gaussian Error Linear Units, 2016)."""
    import numpy as np

    # x (1 + tanh y) / 2 is x / (1 + e^-2y), and a power takes twenty times as long as a product.
    twice = np.float32(math.sqrt(8 / math.pi)) * values
    twice *= 1 + np.float32(0.044715) * (values * values)
    found: Array = values / (1 + np.exp(np.minimum(-twice, np.float32(80))))
    return found
