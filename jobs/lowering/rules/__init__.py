"""How each kind of operation is lowered: a module for each group of kinds, and the table of them all."""

from collections.abc import Mapping
from types import MappingProxyType

from jobs.lowering.rules.aer import AER_RULES, SAVES, save_name
from jobs.lowering.rules.control_flow import CONTROL_FLOW_RULES
from jobs.lowering.rules.definitions import DEFINITION_RULES
from jobs.lowering.rules.gates import GATE_RULES
from jobs.lowering.rules.noise import NOISE_RULES
from jobs.lowering.rules.states import STATE_RULES
from jobs.lowering.scope import Rule

__all__ = ["RULES", "SAVES", "save_name"]

#: Class of an operation -> what lowers it.
RULES: Mapping[type, Rule] = MappingProxyType(
    {**GATE_RULES, **STATE_RULES, **CONTROL_FLOW_RULES, **DEFINITION_RULES, **AER_RULES, **NOISE_RULES}
)
