// Grover's search: the one marked number among 128, with 8 looks instead of 64. 7 qubits.
//
// Out: 90 = 1011010b. Each round turns the state by 2 asin(1/sqrt(128)) towards the answer, and 8 rounds come
//      closest: P(90) = sin^2(17 asin(1/sqrt(128))) = 0.9956. The 127 others share the rest evenly.
OPENQASM 3.0;
include "stdgates.inc";

// Turns the phase of 1011010b and of nothing else: zeros are flipped to ones around a controlled Z.
gate oracle q0, q1, q2, q3, q4, q5, q6 {
    x q0; x q2; x q5;
    ctrl(6) @ z q0, q1, q2, q3, q4, q5, q6;
    x q0; x q2; x q5;
}

qubit[7] q;
bit[7] found;

h q;
for int round in [1:8] {
    oracle q[0], q[1], q[2], q[3], q[4], q[5], q[6];
    // mirror every amplitude at the mean
    h q;
    x q;
    ctrl(6) @ z q[0], q[1], q[2], q[3], q[4], q[5], q[6];
    x q;
    h q;
}
found = measure q;
