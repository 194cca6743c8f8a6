"""The kinds of values that an instruction can save."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

#: What a `Save` keeps: shape (2^k,) complex; (2^k, 2^k) complex; (2^k,) real; (1,) and (2,) real; of k qubits.
#: "probability_distribution" is "probabilities" that a result shows as a dictionary.
Saved: TypeAlias = Literal[
    "statevector",
    "density_matrix",
    "probabilities",
    "probability_distribution",
    "expectation_value",
    "expectation_value_variance",
]
#: How many observables a save has, where it has any.
SUMS_OF: Mapping[Saved, int] = MappingProxyType({"expectation_value": 1, "expectation_value_variance": 2})
