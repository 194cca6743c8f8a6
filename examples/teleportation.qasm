// Teleportation of one qubit, with measurements in the middle and corrections that depend on them.
//
// In:  Alice's qubit at the angles theta = pi/3, phi = pi/4 of the Bloch sphere.
// Out: `message` holds the two bits that Alice sends, each of the four values in a quarter of the shots.
//      Bob measures along the axis (sin pi/4, 0, cos pi/4), which a missing correction of either kind would
//      show: P(bob = 0) = (1 + sin(pi/3) cos(pi/4) sin(pi/4) + cos(pi/3) cos(pi/4)) / 2 = 0.8933,
//      whatever the message.
OPENQASM 3.0;
include "stdgates.inc";

qubit alice;
qubit[2] pair;
bit[2] message;
bit[1] bob;

U(pi/3, pi/4, 0) alice;

// the shared pair: pair[0] stays with Alice, pair[1] goes to Bob
h pair[0];
cx pair[0], pair[1];

// Alice measures both of her qubits in the Bell basis and sends two bits
cx alice, pair[0];
h alice;
message[0] = measure alice;
message[1] = measure pair[0];

// Bob puts his qubit right
if (message[1]) { x pair[1]; }
if (message[0]) { z pair[1]; }

// Bob's axis, turned onto Z
ry(-pi/4) pair[1];
bob[0] = measure pair[1];
