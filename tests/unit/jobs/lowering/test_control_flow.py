"""Control flow, expressions and variables become the program's own."""

from __future__ import annotations

import time

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import AnnotatedOperation, ControlModifier, Duration, Instruction, Parameter
from qiskit.circuit.classical import expr, types
from support.circuits import since_qiskit_2_5

from jobs.lowering import LoweringError, lower
from simulator.circuit import instructions, program
from simulator.circuit.expression import (
    Binary,
    Bits,
    Bool,
    Cast,
    Clbit,
    Constant,
    Float,
    Index,
    Uint,
    Unary,
    Var,
)
from simulator.circuit.expression import Duration as DurationType

X = instructions.Gate("x", (0,))
Y = instructions.Gate("y", (0,))


@pytest.fixture
def circuit() -> QuantumCircuit:
    """One qubit, a register of 3 clbits."""
    return QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(3, "c"))


def only(circuit: QuantumCircuit) -> instructions.Instruction:
    """The one instruction of the lowered circuit."""
    (instruction,) = lower(circuit).instructions
    return instruction


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda c: (c.clbits[1], 1), Clbit(1)),
        (lambda c: (c.clbits[1], 0), Unary("logic_not", Bool(), Clbit(1))),
        (lambda c: (c.cregs[0], 5), Binary("equal", Bool(), Bits((0, 1, 2)), Constant(Uint(3), "0x5"))),
        (
            lambda c: (c.cregs[0], 9),
            Binary("equal", Bool(), Cast(Uint(4), Bits((0, 1, 2))), Constant(Uint(4), "0x9")),
        ),
        (lambda c: expr.index(c.cregs[0], 2), Index(Bits((0, 1, 2)), Constant(Uint(2), "0x2"))),
        (lambda c: expr.lift(c.cregs[0], types.Uint(5)), Cast(Uint(5), Bits((0, 1, 2)))),
        (
            lambda _: expr.less(expr.lift(1.5), 2.0),
            Binary("less", Bool(), Constant(Float(), 1.5), Constant(Float(), 2.0)),
        ),
    ],
)
def test_conditions_become_expressions(circuit: QuantumCircuit, condition: object, expected: object) -> None:
    """Old conditions on bits and registers, and expressions, are all expressions."""
    node = condition(circuit)
    if isinstance(node, expr.Expr) and not isinstance(node.type, types.Bool):
        node = expr.cast(node, types.Bool())
        expected = Cast(Bool(), expected)
    with circuit.if_test(node):
        circuit.x(0)
    assert only(circuit) == instructions.IfElse(expected, (X,))


@pytest.mark.rule(30)
def test_both_branches_are_kept(circuit: QuantumCircuit) -> None:
    """If and else."""
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.y(0)
    assert only(circuit) == instructions.IfElse(Clbit(0), (X,), (Y,))


@pytest.mark.rule(30)
def test_a_block_on_other_bits_is_mapped(circuit: QuantumCircuit) -> None:
    """A block's bits are those that it was appended to, in order."""
    block = QuantumCircuit(1, 1)
    block.measure(0, 0)
    circuit.if_test((circuit.clbits[0], 1), block, [0], [2])
    assert only(circuit) == instructions.IfElse(Clbit(0), (instructions.Measure(0, 2),))


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("indices", "expected"),
    [(range(1, 9, 3), instructions.Range(1, 9, 3)), ([4, -1], (4, -1)), (range(0), instructions.Range(0, 0, 1))],
)
def test_for_loops_keep_their_indices(circuit: QuantumCircuit, indices: object, expected: object) -> None:
    """A range stays a range, and a loop without a parameter has one body."""
    with circuit.for_loop(indices):
        circuit.x(0)
    assert only(circuit) == instructions.For(expected, ((X,),))


@pytest.mark.rule(30)
def test_a_loop_parameter_makes_a_body_an_index(circuit: QuantumCircuit) -> None:
    """A Parameter is bound to each index, in blocks within the block too."""
    with circuit.for_loop((1, 3), Parameter("i")) as index, circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(index / 2, 0)
    loop = only(circuit)
    assert [body[0].true_body for body in loop.bodies] == [
        (instructions.Gate("rx", (0,), (0.5,)),),
        (instructions.Gate("rx", (0,), (1.5,)),),
    ]


@pytest.mark.rule(23)
def test_a_loop_that_is_too_long_is_refused_at_once(circuit: QuantumCircuit) -> None:
    """The first body tells how many instructions all would be; the error names the limit and the cure."""
    with circuit.for_loop(range(10**15, 0, -3), Parameter("i")) as index:
        circuit.rx(index, 0)
    begin = time.process_time()
    with pytest.raises(LoweringError, match=r"for_loop.*more than 1000000 instructions.*expr.Var"):
        lower(circuit)
    assert time.process_time() - begin < 1


@pytest.mark.rule(30)
def test_a_loop_whose_parameter_changes_nothing_has_one_body(circuit: QuantumCircuit) -> None:
    """`i - i` in a global phase, as the importer of OpenQASM 3 writes it, asks for no body of its own."""
    with circuit.for_loop(range(10**8), Parameter("i")) as index:
        circuit.x(0)
        circuit.global_phase += index - index
    (loop,) = lower(circuit).instructions
    assert loop == instructions.For(instructions.Range(0, 10**8), ((instructions.Gate("x", (0,)),),))


@pytest.mark.rule(30)
def test_a_loop_parameter_in_a_phase_or_an_inner_block_counts(circuit: QuantumCircuit) -> None:
    """Where what a body does depends on the index, each index has its own."""
    with circuit.for_loop(range(3), Parameter("i")) as index:
        circuit.global_phase += index
    with circuit.for_loop(range(3), Parameter("j")) as index, circuit.if_test((circuit.clbits[0], 1)):
        circuit.rx(index, 0)
    assert [len(loop.bodies) for loop in lower(circuit).instructions] == [3, 3]


@pytest.mark.rule(23)
def test_only_the_open_parameter_is_named(circuit: QuantumCircuit) -> None:
    """A loop's parameter has its values from the loop."""
    with circuit.for_loop(range(2), Parameter("index")) as index:
        circuit.rx(index + Parameter("open"), 0)
    with pytest.raises(LoweringError, match="parameters have no values: open;"):
        lower(circuit)


@pytest.mark.rule(30)
@since_qiskit_2_5
def test_a_loop_variable_is_a_variable(circuit: QuantumCircuit) -> None:
    """A loop over an expr.Var has one body, and names its variable."""
    with circuit.for_loop(range(4), expr.Var.new("i", types.Uint(3))) as index:
        circuit.store(circuit.cregs[0], index)
    lowered = lower(circuit)
    assert lowered.variables == (program.Variable("i", Uint(3)),)
    assert lowered.instructions == (
        instructions.For(instructions.Range(0, 4), ((instructions.Store(Bits((0, 1, 2)), Var(0)),),), variable=0),
    )


@pytest.mark.rule(30)
def test_while_break_and_continue(circuit: QuantumCircuit) -> None:
    """Jumps stand where they stood."""
    with circuit.while_loop((circuit.clbits[0], 1)):
        with circuit.if_test((circuit.clbits[1], 1)):
            circuit.break_loop()
        with circuit.if_test((circuit.clbits[2], 1)):
            circuit.continue_loop()
    assert only(circuit) == instructions.While(
        Clbit(0),
        (
            instructions.IfElse(Clbit(1), (instructions.Break(),)),
            instructions.IfElse(Clbit(2), (instructions.Continue(),)),
        ),
    )


@pytest.mark.rule(30)
def test_switch_keeps_labels_and_default(circuit: QuantumCircuit) -> None:
    """Several labels share a body; the default has none."""
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0, 5):
            circuit.x(0)
        with case(case.DEFAULT):
            circuit.y(0)
    assert only(circuit) == instructions.Switch(
        Bits((0, 1, 2)), (instructions.Case(("0x0", "0x5"), (X,)), instructions.Case((), (Y,)))
    )


@pytest.mark.rule(30)
def test_box_and_its_phase(circuit: QuantumCircuit) -> None:
    """A box is its body; a block's global phase is a gate, since the block may not run once."""
    block = QuantumCircuit(1, global_phase=0.5)
    block.x(0)
    circuit.box(block, [0], [])
    assert only(circuit) == instructions.Box((instructions.Gate("global_phase", (), (0.5,)), X))


@pytest.mark.rule(30)
def test_store_writes_bits_registers_variables_and_places(circuit: QuantumCircuit) -> None:
    """Everything that Qiskit can store to."""
    number = circuit.add_var("number", expr.lift(3, types.Uint(3)))
    circuit.store(circuit.clbits[1], expr.lift(True))
    circuit.store(circuit.cregs[0], number)
    circuit.store(expr.index(number, 1), circuit.clbits[0])
    assert lower(circuit).instructions == (
        instructions.Store(Var(0), Constant(Uint(3), "0x3")),
        instructions.Store(Clbit(1), Constant(Bool(), True)),
        instructions.Store(Bits((0, 1, 2)), Var(0)),
        instructions.Store(Index(Var(0), Constant(Uint(1), "0x1")), Clbit(0)),
    )


def test_a_register_read_wider_cannot_be_written(circuit: QuantumCircuit) -> None:
    """A register stored to as a wider integer than it is has no place for the rest."""
    circuit.store(expr.lift(circuit.cregs[0], types.Uint(5)), expr.lift(3, types.Uint(5)))
    with pytest.raises(LoweringError, match=r'Instruction "store" .*nothing can be written to'):
        lower(circuit)


@pytest.mark.rule(23)
def test_a_definition_may_declare_but_not_receive(circuit: QuantumCircuit) -> None:
    """Variables of a definition are its own; an input of one has no value."""
    own, given = expr.Var.new("own", types.Bool()), expr.Var.new("given", types.Bool())
    instruction = Instruction("inner", 0, 1, [])
    instruction.definition = QuantumCircuit(0, 1, declarations={own: True})
    circuit.append(instruction, [], [0])
    assert lower(circuit).variables == (program.Variable("own", Bool()),)
    instruction.definition = QuantumCircuit(0, 1, inputs=[given])
    instruction.definition.store(instruction.definition.clbits[0], given)
    circuit.append(instruction, [], [0])
    with pytest.raises(LoweringError, match='"given" is not declared'):
        lower(circuit)


@pytest.mark.rule(30)
@pytest.mark.parametrize(("length", "unit"), [(Duration.dt(4), "dt"), (Duration.us(4), "s")])
def test_a_stretch_is_nothing_long(circuit: QuantumCircuit, length: Duration, unit: str) -> None:
    """A stretch takes its shortest value, 0, in the unit of what it is compared with."""
    stretch = circuit.add_stretch("stretch")
    with circuit.if_test(expr.less(stretch, length)):
        circuit.x(0)
    condition = only(circuit).condition
    assert condition.left == Constant(DurationType(), 0.0, unit)
    assert condition.right.value == pytest.approx(4 if unit == "dt" else 4e-6)


@pytest.mark.rule(30)
def test_each_comparison_has_its_own_unit(circuit: QuantumCircuit) -> None:
    """A stretch may be compared with dt in one place and with seconds in another."""
    stretch = circuit.add_stretch("stretch")
    in_dt, in_seconds = expr.less(stretch, Duration.dt(4)), expr.less(stretch, Duration.ns(4))
    with circuit.if_test(expr.logic_and(in_dt, in_seconds)):
        circuit.x(0)
    condition = only(circuit).condition
    assert (condition.left.left.unit, condition.right.left.unit) == ("dt", "s")


def test_control_flow_cannot_be_controlled(circuit: QuantumCircuit) -> None:
    """Only unitary parts can be controlled, and a block is none."""
    with circuit.if_test(expr.lift(True)):
        circuit.x(0)
    conditional = Instruction("conditional", 1, 3, [])
    conditional.definition = circuit
    outer = QuantumCircuit(2, 3)
    outer.append(AnnotatedOperation(conditional, ControlModifier(1)), [0, 1], [0, 1, 2])
    with pytest.raises(LoweringError, match=r'"control flow" .* controlled'):
        lower(outer)
