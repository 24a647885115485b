"""What the adapters ask of a runtime: a network with named inputs and outputs of known shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pipeline.core.errors import ModelError
from pipeline.core.types import F32

Shape = tuple[int | None, ...]
"""Sizes of the axes, the batch first; None where the model leaves one open."""


class Network(Protocol):
    """A loaded model. What it gives for a picture does not depend on the other pictures, to the bit."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def input(self) -> Shape:
        """Of its only input."""
        ...

    @property
    def outputs(self) -> Mapping[str, Shape]:
        """By name, in the model's order."""
        ...

    def run(self, pictures: F32) -> Sequence[tuple[F32, ...]]:
        """All outputs of each of the (N, C, H, W) float32 pictures, in the model's order, without the batch."""
        ...


def fits(found: Shape, wanted: Shape) -> bool:
    """Whether a model with these axes takes or gives what is wanted; None fits everything."""
    return len(found) == len(wanted) and all(None in (a, b) or a == b for a, b in zip(found, wanted, strict=True))


def wrong(network: Network, what: str, wanted: str) -> ModelError:
    """The error for a file that holds a model of another kind."""
    outputs = ", ".join(f"{name} {shown(shape)}" for name, shape in network.outputs.items())
    return ModelError(
        f"{network.name}: {what}; expected {wanted}; it has the input {shown(network.input)} and the outputs {outputs}",
        hint="correct `kind`, or `size`, of the model in the configuration",
    )


def shown(shape: Shape) -> str:
    """A shape for people."""
    return "x".join("?" if n is None else str(n) for n in shape)


def side(network: Network, size: int | None, default: int, multiple: int) -> int:
    """Side of the square pictures that a detector is given: the model's own, else `size`, else `default`.

    Raises ModelError where the model has another one, or where it is no multiple of the network's largest stride.
    """
    height, width = network.input[2:] if len(network.input) == 4 else (None, None)
    chosen = height or width or size or default
    if not fits(network.input, (1, 3, chosen, chosen)) or (size is not None and size != chosen):
        raise wrong(network, "its pictures do not fit", f"the input 1x3x{size or chosen}x{size or chosen}")
    if chosen % multiple:
        raise ModelError(
            f"{network.name}: found size {chosen}, expected a multiple of {multiple}", hint="correct `size`"
        )
    return chosen
