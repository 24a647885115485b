"""Leaves out of a TensorFlow Lite model what nobody asks for."""

from __future__ import annotations

from collections.abc import Sequence

import flatbuffers
import numpy as np

_IDENTIFIER = b"TFL3"


def keep_outputs(content: bytes, outputs: Sequence[int]) -> bytes:
    """The model with these outputs alone, in this order, and only the operators that they need.

    What is left computes the same to the bit. BlazePose's landmark model also draws a mask of 256 x 256: without it an
    inference takes two thirds of the time (16.5 -> 10.8 ms on one core), though the mask has but a tenth of the
    multiplications.

    Args:
        content: A .tflite file that an interpreter has accepted.
        outputs: Numbers among the outputs of its only subgraph.
    """
    # A third of a second to import: only for whoever loads a model.
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    wanted = [int(graph.outputs[number]) for number in outputs]
    source = {int(tensor): i for i, operator in enumerate(graph.operators) for tensor in operator.outputs}
    needed: set[int] = set()
    tensors = list(wanted)
    while tensors:
        i = source.get(tensors.pop())
        if i is not None and i not in needed:
            needed.add(i)
            tensors += [int(tensor) for tensor in graph.operators[i].inputs]
    graph.operators = [operator for i, operator in enumerate(graph.operators) if i in needed]
    graph.outputs = np.array(wanted, dtype=np.int32)
    # Signatures name the outputs by their old places.
    model.signatureDefs = []
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())
