"""What a stage is: state and record in, state and outputs out; no clock, no chance, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from pipeline.core.records import Record, Tick

In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)
Request = TypeVar("Request")
Result = TypeVar("Result")
S = TypeVar("S")


@runtime_checkable
class KeyedStage(Protocol[In_contra, Out_co, S]):
    """A stage whose state belongs to one camera. The same state and record always give the same value bytes.

    `state` may be changed in place; only the returned one is used afterwards.
    """

    def initial_state(self, camera: str) -> S:
        """The state of a camera never seen before."""
        ...

    def step(self, state: S, record: Record[In_contra]) -> tuple[S, Sequence[Out_co]]:
        """Take one frame's record. Raises InvalidRecord (state unchanged) for one that it cannot use."""
        ...

    def tick(self, state: S, record: Record[Tick]) -> tuple[S, Sequence[Out_co]]:
        """Time passed without a frame: `record.stamp.captured_at_us` is the event time now."""
        ...


@runtime_checkable
class StretchStage(KeyedStage[In_contra, Out_co, S], Protocol[In_contra, Out_co, S]):
    """A keyed stage for which several frames at once cost less than one after another."""

    def steps(self, state: S, records: Sequence[Record[In_contra | Tick]]) -> tuple[S, Sequence[Sequence[Out_co]]]:
        """What `step` and `tick` give for each of these records of one camera, in order: the same bytes, however they
        are cut.

        Raises InvalidRecord (state unchanged) where one of them cannot be used: they are then taken one by one.
        """
        ...


@runtime_checkable
class ModelStage(Protocol[In_contra, Request, Result, Out_co, S]):
    """A keyed stage whose costly middle, `infer`, is batched over cameras and people."""

    def initial_state(self, camera: str) -> S:
        """The state of a camera never seen before."""
        ...

    def plan(self, state: S, record: Record[In_contra]) -> Sequence[Request]:
        """What has to be inferred for this record, perhaps nothing. Does not change the state."""
        ...

    def infer(self, requests: Sequence[Request]) -> Sequence[Result]:
        """One result for each request; a result does not depend on what else is in the batch."""
        ...

    def fold(self, state: S, record: Record[In_contra], results: Sequence[Result]) -> tuple[S, Sequence[Out_co]]:
        """Take the results of this record's requests."""
        ...
