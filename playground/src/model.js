// The symbol model of docs/file_format.md: three codes make the table that the coder reads with.

const SIZES = [0, 1]; // 0, 1, 2, 3, 4, 6, 8, 12, ..., 24576, 32768
for (let size = 2; size < 32768; size *= 2) SIZES.push(size, (3 * size) / 2);
SIZES.push(32768);

// Weights of 1, ..., m: powers of theta in fixed point, never below 2^-20.
function tailWeights(largest, theta) {
  const factor = theta ? (1n << 27n) / ((1n << 11n) + (1n << BigInt(theta))) : 1n << 16n;
  const weights = [];
  for (let k = 0, power = 1n << 40n; k < largest; k++) {
    power = (power * factor) >> 16n;
    weights.push(Math.max(Number(power >> 16n), 16));
  }
  return weights;
}

// C[0], ..., C[n] of n = 2 m + 1 integers. In float64, in just this order: the roundings count.
function symbolTable(largest, zeta, theta) {
  const tail = tailWeights(largest, theta);
  const zero = (2 + (zeta % 2)) * 2 ** (21 + Math.floor(zeta / 2));
  const weights = [...tail.slice().reverse(), zero, ...tail];
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const chances = weights.map((weight) => weight / total);
  const factor = (2 ** PRECISION - weights.length) / chances.reduce((sum, p) => sum + p, 0);
  const table = new Uint32Array(weights.length + 1);
  let before = 0;
  chances.forEach((chance, j) => {
    table[j] = Math.floor(before * factor) + j;
    before += chance;
  });
  table[weights.length] = 2 ** PRECISION;
  return table;
}
