// What frequency has this wave? The quantum Fourier transform, on 12 qubits.
//
// In:  amplitude exp(-2 pi i f x / 4096) / 64 for every x below 4096, f = 1234.3: every qubit has its own phase.
// Out: a whole number near f: P(k) = (sin(pi (k - f)) / (4096 sin(pi (k - f) / 4096)))^2, so 1234 with 0.737,
//      1235 with 0.135, 1233 with 0.039, and tails on both sides.
OPENQASM 2.0;
include "qelib1.inc";

qreg q[12];
creg frequency[12];

h q;
u1(-1234.3*pi/2048) q[0];
u1(-1234.3*pi/1024) q[1];
u1(-1234.3*pi/512) q[2];
u1(-1234.3*pi/256) q[3];
u1(-1234.3*pi/128) q[4];
u1(-1234.3*pi/64) q[5];
u1(-1234.3*pi/32) q[6];
u1(-1234.3*pi/16) q[7];
u1(-1234.3*pi/8) q[8];
u1(-1234.3*pi/4) q[9];
u1(-1234.3*pi/2) q[10];
u1(-1234.3*pi) q[11];
barrier q;

// from the most significant qubit down: one Hadamard, then a finer phase from each lower qubit
h q[11]; cu1(pi/2) q[10], q[11]; cu1(pi/4) q[9], q[11]; cu1(pi/8) q[8], q[11];
    cu1(pi/16) q[7], q[11]; cu1(pi/32) q[6], q[11]; cu1(pi/64) q[5], q[11]; cu1(pi/128) q[4], q[11];
    cu1(pi/256) q[3], q[11]; cu1(pi/512) q[2], q[11]; cu1(pi/1024) q[1], q[11]; cu1(pi/2048) q[0], q[11];
h q[10]; cu1(pi/2) q[9], q[10]; cu1(pi/4) q[8], q[10]; cu1(pi/8) q[7], q[10];
    cu1(pi/16) q[6], q[10]; cu1(pi/32) q[5], q[10]; cu1(pi/64) q[4], q[10]; cu1(pi/128) q[3], q[10];
    cu1(pi/256) q[2], q[10]; cu1(pi/512) q[1], q[10]; cu1(pi/1024) q[0], q[10];
h q[9]; cu1(pi/2) q[8], q[9]; cu1(pi/4) q[7], q[9]; cu1(pi/8) q[6], q[9];
    cu1(pi/16) q[5], q[9]; cu1(pi/32) q[4], q[9]; cu1(pi/64) q[3], q[9]; cu1(pi/128) q[2], q[9];
    cu1(pi/256) q[1], q[9]; cu1(pi/512) q[0], q[9];
h q[8]; cu1(pi/2) q[7], q[8]; cu1(pi/4) q[6], q[8]; cu1(pi/8) q[5], q[8];
    cu1(pi/16) q[4], q[8]; cu1(pi/32) q[3], q[8]; cu1(pi/64) q[2], q[8]; cu1(pi/128) q[1], q[8];
    cu1(pi/256) q[0], q[8];
h q[7]; cu1(pi/2) q[6], q[7]; cu1(pi/4) q[5], q[7]; cu1(pi/8) q[4], q[7];
    cu1(pi/16) q[3], q[7]; cu1(pi/32) q[2], q[7]; cu1(pi/64) q[1], q[7]; cu1(pi/128) q[0], q[7];
h q[6]; cu1(pi/2) q[5], q[6]; cu1(pi/4) q[4], q[6]; cu1(pi/8) q[3], q[6];
    cu1(pi/16) q[2], q[6]; cu1(pi/32) q[1], q[6]; cu1(pi/64) q[0], q[6];
h q[5]; cu1(pi/2) q[4], q[5]; cu1(pi/4) q[3], q[5]; cu1(pi/8) q[2], q[5];
    cu1(pi/16) q[1], q[5]; cu1(pi/32) q[0], q[5];
h q[4]; cu1(pi/2) q[3], q[4]; cu1(pi/4) q[2], q[4]; cu1(pi/8) q[1], q[4];
    cu1(pi/16) q[0], q[4];
h q[3]; cu1(pi/2) q[2], q[3]; cu1(pi/4) q[1], q[3]; cu1(pi/8) q[0], q[3];
h q[2]; cu1(pi/2) q[1], q[2]; cu1(pi/4) q[0], q[2];
h q[1]; cu1(pi/2) q[0], q[1];
h q[0];

// the transform leaves its bits in reverse order: they are read that way round
measure q[0] -> frequency[11]; measure q[1] -> frequency[10]; measure q[2] -> frequency[9];
measure q[3] -> frequency[8]; measure q[4] -> frequency[7]; measure q[5] -> frequency[6];
measure q[6] -> frequency[5]; measure q[7] -> frequency[4]; measure q[8] -> frequency[3];
measure q[9] -> frequency[2]; measure q[10] -> frequency[1]; measure q[11] -> frequency[0];
