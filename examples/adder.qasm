// 310 + 201, 311 + 201, 318 + 201 and 319 + 201 at once, by a ripple-carry adder without extra qubits
// (Cuccaro, Draper, Kutin and Moulton, quant-ph/0410184). 20 qubits.
//
// In:  a = 310 + {0, 1, 8, 9}, all four in superposition; b = 201.
// Out: `addend` holds a, `sum` holds a + b. Each of the four sums comes in a quarter of the shots,
//      and always beside its own addend: 511 | 310, 512 | 311, 519 | 318, 520 | 319.
OPENQASM 2.0;
include "qelib1.inc";

// c becomes the carry out of a + b + (carry in a); b keeps a XOR b.
gate majority a, b, c { cx c, b; cx c, a; ccx a, b, c; }
// Undoes `majority` and leaves the sum's bit in b.
gate unmajority a, b, c { ccx a, b, c; cx c, a; cx a, b; }

qreg carry_in[1];
qreg a[9];
qreg b[9];
qreg carry_out[1];
creg addend[9];
creg sum[10];

// a = 310 = 100110110b, and bits 0 and 3 in superposition
x a[1]; x a[2]; x a[4]; x a[5]; x a[8];
h a[0]; h a[3];
// b = 201 = 011001001b
x b[0]; x b[3]; x b[6]; x b[7];
barrier a, b;

majority carry_in[0], b[0], a[0];
majority a[0], b[1], a[1];
majority a[1], b[2], a[2];
majority a[2], b[3], a[3];
majority a[3], b[4], a[4];
majority a[4], b[5], a[5];
majority a[5], b[6], a[6];
majority a[6], b[7], a[7];
majority a[7], b[8], a[8];
cx a[8], carry_out[0];
unmajority a[7], b[8], a[8];
unmajority a[6], b[7], a[7];
unmajority a[5], b[6], a[6];
unmajority a[4], b[5], a[5];
unmajority a[3], b[4], a[4];
unmajority a[2], b[3], a[3];
unmajority a[1], b[2], a[2];
unmajority a[0], b[1], a[1];
unmajority carry_in[0], b[0], a[0];

measure a -> addend;
measure b[0] -> sum[0];
measure b[1] -> sum[1];
measure b[2] -> sum[2];
measure b[3] -> sum[3];
measure b[4] -> sum[4];
measure b[5] -> sum[5];
measure b[6] -> sum[6];
measure b[7] -> sum[7];
measure b[8] -> sum[8];
measure carry_out[0] -> sum[9];
