// A variational ansatz for the critical Ising chain H = - sum Z_i Z_i+1 - sum X_i, open ends, 12 qubits.
//
// Six layers of "turn about the bonds, turn about the field", at angles that a classical optimiser found
// beforehand: <H> = -14.904, and the exact ground energy is 1 - 1/sin(pi/50) = -14.926. `spins` samples the
// Z basis, which gives the bonds' part of the energy; `examples/vqe.py` adds the other basis.
OPENQASM 3.0;
include "stdgates.inc";

gate bond(theta) a, b { cx a, b; rz(theta) b; cx a, b; }
gate bonds(theta) q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11 {
    bond(theta) q0, q1; bond(theta) q2, q3; bond(theta) q4, q5; bond(theta) q6, q7; bond(theta) q8, q9;
    bond(theta) q10, q11;
    bond(theta) q1, q2; bond(theta) q3, q4; bond(theta) q5, q6; bond(theta) q7, q8; bond(theta) q9, q10;
}

qubit[12] q;
bit[12] spins;

h q;
bonds(-0.3329) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-1.4850) q;
bonds(-0.8062) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-1.4228) q;
bonds(-1.0304) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-1.3628) q;
bonds(-1.1107) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-1.2739) q;
bonds(-1.0775) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-1.0861) q;
bonds(-0.8137) q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
rx(-0.4109) q;

spins = measure q;
