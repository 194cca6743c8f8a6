"""Hypothesis strategies of classical expressions, and of circuits whose every outcome is certain.

The circuits hold all of control flow, stores and variables, and only gates that move basis states: one shot tells
all of what they do, so an interpreter of a few lines can be their oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Duration, Parameter
from qiskit.circuit.classical import expr, types

Draw = Callable[[st.SearchStrategy[Any]], Any]
FLOATS = st.integers(-64, 64).map(lambda value: value / 8)
_COMPARISONS = [expr.equal, expr.not_equal, expr.less, expr.less_equal, expr.greater, expr.greater_equal]
_LENGTHS = {"dt": Duration.dt, "ns": Duration.ns, "us": Duration.us, "ms": Duration.ms, "s": Duration.s}


@dataclass(frozen=True)
class Leaves:
    """What an expression may read, by type."""

    bools: tuple[Any, ...] = ()
    #: Width -> registers and variables.
    uints: dict[int, list[Any]] = field(default_factory=dict)
    floats: tuple[Any, ...] = ()
    stretches: tuple[Any, ...] = ()


Maker = Callable[[Draw, Leaves, int], expr.Expr]


def _made(draw: Draw, leaves: Leaves, depth: int, leaf: Maker, nodes: list[Maker]) -> expr.Expr:
    """Make a leaf, or a node whose operands are one level less deep."""
    make = draw(st.sampled_from([leaf, *nodes])) if depth else leaf
    return make(draw, leaves, depth - 1)


def _leaf(draw: Draw, readable: Any, value: st.SearchStrategy[expr.Expr]) -> expr.Expr:
    """Something that can be read, or a literal value."""
    return expr.lift(draw(st.sampled_from(readable) | value if readable else value))


def bool_expression(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    """A Bool."""

    def leaf(draw: Draw, leaves: Leaves, _depth: int) -> expr.Expr:
        return _leaf(draw, leaves.bools, st.booleans())

    nodes = [_bool_not, _bool_binary, _bit_of, _nonzero, _number_comparison, _duration_comparison]
    return _made(draw, leaves, depth, leaf, nodes)


def _bool_not(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    return draw(st.sampled_from([expr.logic_not, expr.bit_not]))(bool_expression(draw, leaves, depth))


def _bool_binary(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    ops = [expr.logic_and, expr.logic_or, expr.bit_and, expr.bit_or, expr.bit_xor, expr.equal]
    op = draw(st.sampled_from(ops))
    return op(bool_expression(draw, leaves, depth), bool_expression(draw, leaves, depth))


def _bit_of(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    width = draw(st.integers(1, 5))
    index = expr.lift(draw(st.integers(0, width - 1)), types.Uint(4))
    return expr.index(uint_expression(draw, leaves, width, depth), index)


def _nonzero(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    make = draw(st.sampled_from([float_expression, any_uint]))
    return expr.cast(make(draw, leaves, depth), types.Bool())


def _number_comparison(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    make = draw(st.sampled_from([float_expression, any_uint]))
    return draw(st.sampled_from(_COMPARISONS))(make(draw, leaves, depth), make(draw, leaves, depth))


def _duration_comparison(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    unit = draw(st.sampled_from(sorted(_LENGTHS)))
    left, right = (duration_expression(draw, leaves, unit, depth) for _ in range(2))
    return draw(st.sampled_from(_COMPARISONS))(left, right)


def any_uint(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    """A Uint of 1 to 5 bits."""
    return uint_expression(draw, leaves, draw(st.integers(1, 5)), depth)


def uint_expression(draw: Draw, leaves: Leaves, width: int, depth: int) -> expr.Expr:
    """A Uint of this width, by no division by zero."""
    type_ = types.Uint(width)

    def operand(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        return uint_expression(draw, leaves, width, depth)

    def leaf(draw: Draw, leaves: Leaves, _depth: int) -> expr.Expr:
        literals = st.integers(0, 2**width - 1).map(lambda value: expr.lift(value, type_))
        return _leaf(draw, leaves.uints.get(width), literals)

    def inverted(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        return expr.bit_not(operand(draw, leaves, depth))

    def cast(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        # The rest is cut off, filled with zeros, or made of a Bool.
        return expr.cast(draw(st.sampled_from([any_uint, bool_expression]))(draw, leaves, depth), type_)

    def shifted(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        op = draw(st.sampled_from([expr.shift_left, expr.shift_right]))
        return op(operand(draw, leaves, depth), any_uint(draw, leaves, depth))

    def binary(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        op = draw(st.sampled_from([expr.bit_and, expr.bit_or, expr.bit_xor, expr.add, expr.sub, expr.mul]))
        return op(operand(draw, leaves, depth), operand(draw, leaves, depth))

    def divided(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        odd = expr.bit_or(operand(draw, leaves, depth), expr.lift(1, type_))
        return expr.div(operand(draw, leaves, depth), odd)

    return _made(draw, leaves, depth, leaf, [inverted, cast, shifted, binary, divided])


def float_expression(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    """A Float, by no division by zero."""

    def leaf(draw: Draw, leaves: Leaves, _depth: int) -> expr.Expr:
        return _leaf(draw, leaves.floats, FLOATS)

    return _made(draw, leaves, depth, leaf, [_float_negated, _float_cast, _float_binary, _float_divided])


def _float_negated(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    return expr.negate(float_expression(draw, leaves, depth))


def _float_cast(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    return expr.cast(draw(st.sampled_from([any_uint, bool_expression]))(draw, leaves, depth), types.Float())


def _float_binary(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    op = draw(st.sampled_from([expr.add, expr.sub, expr.mul]))
    return op(float_expression(draw, leaves, depth), float_expression(draw, leaves, depth))


def _float_divided(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
    return expr.div(float_expression(draw, leaves, depth), expr.lift(draw(FLOATS.filter(bool))))


def duration_expression(draw: Draw, leaves: Leaves, unit: str, depth: int) -> expr.Expr:
    """A Duration whose parts all have one unit, or are stretches."""

    def operand(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        return duration_expression(draw, leaves, unit, depth)

    def leaf(draw: Draw, leaves: Leaves, _depth: int) -> expr.Expr:
        return _leaf(draw, leaves.stretches, st.integers(0, 100).map(_LENGTHS[unit]))

    def negated(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        return expr.negate(operand(draw, leaves, depth))

    def binary(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        op = draw(st.sampled_from([expr.add, expr.sub]))
        return op(operand(draw, leaves, depth), operand(draw, leaves, depth))

    def scaled(draw: Draw, leaves: Leaves, depth: int) -> expr.Expr:
        factor = expr.lift(draw(FLOATS.filter(bool)))
        return draw(st.sampled_from([expr.mul, expr.div]))(operand(draw, leaves, depth), factor)

    return _made(draw, leaves, depth, leaf, [negated, binary, scaled])


@dataclass(frozen=True)
class _Scope:
    """Where a statement goes, and what it may use there."""

    circuit: QuantumCircuit
    leaves: Leaves
    #: Expressions that may be stored to: (target, type).
    targets: tuple[tuple[Any, Any], ...]
    names: Any
    depth: int
    #: Whether break and continue may stand here.
    in_loop: bool = False

    def inside(self, **changes: Any) -> _Scope:
        return replace(self, depth=self.depth - 1, **changes)


@st.composite
def classical_circuits(draw: Draw, variables: bool = True) -> QuantumCircuit:
    """Circuits over 3 qubits, registers of 3, 2 and (sharing bits) 2 clbits, and a clbit of no register."""
    qubits, low, high = QuantumRegister(3, "q"), ClassicalRegister(3, "low"), ClassicalRegister(2, "high")
    shared = ClassicalRegister(name="shared", bits=[low[2], high[0]])
    circuit = QuantumCircuit(qubits, low, high, [Clbit()], name="classical")
    circuit.add_register(shared)
    leaves = Leaves(bools=tuple(circuit.clbits), uints={3: [low], 2: [high, shared]})
    targets: list[tuple[Any, Any]] = [(clbit, bool) for clbit in circuit.clbits]
    targets += [(low, 3), (high, 2), (shared, 2), (expr.index(low, 1), bool)]
    if variables:
        number = circuit.add_var("number", expr.lift(draw(st.integers(0, 15)), types.Uint(4)))
        flag = circuit.add_var("flag", draw(st.booleans()))
        real = circuit.add_var("real", draw(FLOATS))
        stretch = circuit.add_stretch("stretch")
        leaves = replace(leaves, bools=(*leaves.bools, flag), floats=(real,), stretches=(stretch,))
        leaves.uints[4] = [number]
        targets += [(number, 4), (flag, bool), (real, float), (expr.index(number, 2), bool)]
    scope = _Scope(circuit, leaves, tuple(targets) if variables else (), count(), depth=2)
    for qubit in range(3):
        if draw(st.booleans()):
            circuit.x(qubit)
    _statements(draw, scope)
    circuit.measure(qubits, low)
    return circuit


def _statements(draw: Draw, scope: _Scope) -> None:
    kinds = [_gate, _measure, _reset]
    if scope.targets:
        kinds += [_store, _store]
    if scope.in_loop:
        kinds.append(_jump)
    if scope.depth:
        kinds += [_if_else, _switch, _for_loop, _for_parameter, _box]
    if scope.depth and scope.targets:
        kinds += [_while_loop, _for_variable, _local_variable]
    for _ in range(draw(st.integers(1, 4))):
        draw(st.sampled_from(kinds))(draw, scope)


def _qubits(draw: Draw, size: int) -> list[int]:
    return draw(st.permutations(range(3)))[:size]


def _gate(draw: Draw, scope: _Scope) -> None:
    circuit = scope.circuit
    for name, size in draw(st.lists(st.sampled_from([("x", 1), ("cx", 2), ("swap", 2), ("ccx", 3)]), max_size=2)):
        getattr(circuit, name)(*_qubits(draw, size))


def _measure(draw: Draw, scope: _Scope) -> None:
    scope.circuit.measure(draw(st.integers(0, 2)), draw(st.integers(0, 5)))


def _reset(draw: Draw, scope: _Scope) -> None:
    scope.circuit.reset(draw(st.integers(0, 2)))


def _store(draw: Draw, scope: _Scope) -> None:
    target, type_ = draw(st.sampled_from(scope.targets))
    if type_ is bool:
        value = bool_expression(draw, scope.leaves, 2)
    elif type_ is float:
        value = float_expression(draw, scope.leaves, 2)
    else:
        value = uint_expression(draw, scope.leaves, type_, 2)
    scope.circuit.store(target, value)


def _condition(draw: Draw, scope: _Scope) -> Any:
    """A condition in its old form, a bit or a register beside an int, or an expression."""
    kind = draw(st.sampled_from(["clbit", "register", "expression"]))
    if kind == "clbit":
        return (draw(st.sampled_from(scope.circuit.clbits)), draw(st.integers(0, 1)))
    if kind == "register":
        register = draw(st.sampled_from(scope.circuit.cregs))
        return (register, draw(st.integers(0, 2**register.size - 1)))
    return bool_expression(draw, scope.leaves, 2)


def _jump(draw: Draw, scope: _Scope) -> None:
    with scope.circuit.if_test(_condition(draw, scope)):
        draw(st.sampled_from([scope.circuit.break_loop, scope.circuit.continue_loop]))()


def _if_else(draw: Draw, scope: _Scope) -> None:
    with scope.circuit.if_test(_condition(draw, scope)) as otherwise:
        _statements(draw, scope.inside())
    if draw(st.booleans()):
        with otherwise:
            _statements(draw, scope.inside())


def _switch(draw: Draw, scope: _Scope) -> None:
    circuit = scope.circuit
    target = draw(st.sampled_from([*circuit.cregs, circuit.clbits[0], None]))
    target = any_uint(draw, scope.leaves, 2) if target is None else target
    width = (
        1
        if isinstance(target, Clbit)
        else target.size
        if isinstance(target, ClassicalRegister)
        else target.type.width
    )
    labels = draw(st.lists(st.integers(0, 2**width - 1), unique=True, min_size=1, max_size=4))
    with circuit.switch(target) as case:
        with case(*labels[:2]):
            _statements(draw, scope.inside())
        for label in labels[2:]:
            with case(label):
                _statements(draw, scope.inside())
        if draw(st.booleans()):
            with case(case.DEFAULT):
                _statements(draw, scope.inside())


def _for_loop(draw: Draw, scope: _Scope) -> None:
    indices = draw(st.sampled_from([range(3), range(0), range(5, 1, -2), (7, -3), [2]]))
    with scope.circuit.for_loop(indices):
        _statements(draw, scope.inside(in_loop=True))


def _for_parameter(draw: Draw, scope: _Scope) -> None:
    parameter = Parameter(f"index{next(scope.names)}")
    with scope.circuit.for_loop(draw(st.sampled_from([range(-1, 3), (2, 5, 5), range(0), [4]])), parameter):
        # The angle is a whole number of half turns: a basis state stays one.
        scope.circuit.rx(math.pi * parameter, draw(st.integers(0, 2)))
        _statements(draw, scope.inside(in_loop=True))


def _for_variable(draw: Draw, scope: _Scope) -> None:
    """Qiskit lets such a body use no variable from outside."""
    index = expr.Var.new(f"index{next(scope.names)}", types.Uint(3))
    leaves = Leaves(bools=tuple(scope.circuit.clbits), uints={3: [index, scope.circuit.cregs[0]]})
    targets = tuple(target for target in scope.targets if isinstance(target[0], (Clbit, ClassicalRegister)))
    inside = scope.inside(leaves=leaves, targets=targets, in_loop=True)
    with scope.circuit.for_loop(draw(st.sampled_from([range(4), range(6, 2, -3), (1, 1, 7)])), index):
        _statements(draw, replace(inside, targets=(*targets, (index, 3))))


def _while_loop(draw: Draw, scope: _Scope) -> None:
    rounds = scope.circuit.add_var(f"rounds{next(scope.names)}", expr.lift(0, types.Uint(3)))
    with scope.circuit.while_loop(expr.less(rounds, draw(st.integers(0, 3)))):
        scope.circuit.store(rounds, expr.add(rounds, 1))
        _statements(draw, scope.inside(in_loop=True))


def _box(draw: Draw, scope: _Scope) -> None:
    with scope.circuit.box():
        _statements(draw, scope.inside(in_loop=False))


def _local_variable(draw: Draw, scope: _Scope) -> None:
    """A variable of a block; blocks beside it may use the name again."""
    with scope.circuit.if_test(_condition(draw, scope)):
        local = scope.circuit.add_var("local", uint_expression(draw, scope.leaves, 5, 2))
        leaves = replace(scope.leaves, uints={**scope.leaves.uints, 5: [local]})
        _statements(draw, replace(scope.inside(leaves=leaves), depth=0))
