// From core and matrices back to a weight: exact in float64, then one scale, then float32.

// 2^(code / 32), of square roots and powers of two alone.
function scaleOf(code) {
  const octave = Math.floor(code / 32);
  const part = code - 32 * octave;
  let scale = 1;
  for (let bit = 16, root = Math.sqrt(2); bit >= 1; bit /= 2, root = Math.sqrt(root)) {
    if (part & bit) scale *= root;
  }
  for (let k = Math.abs(octave); k > 0; k--) scale = octave > 0 ? scale * 2 : scale / 2;
  return scale;
}

// Y = X x_n M for X of shape (before, rank, after) and M of shape (dim, rank).
function modeProduct(values, before, after, { shape: [dim, rank], values: matrix }) {
  const result = new Float64Array(before * dim * after);
  for (let b = 0; b < before; b++) {
    for (let i = 0; i < dim; i++) {
      const target = (b * dim + i) * after;
      for (let j = 0; j < rank; j++) {
        const entry = matrix[i * rank + j];
        const source = (b * rank + j) * after;
        if (entry) for (let a = 0; a < after; a++) result[target + a] += entry * values[source + a];
      }
    }
  }
  return result;
}

// A parameter's weight as a Float32Array of its own shape.
function toDense(parameter) {
  const { shape, padded, dims, permutation, rank, tensors } = parameter;
  let values = Float64Array.from(tensors[0].values);
  dims.forEach((_, n) => {
    const matrix = tensors[n + 1];
    if (matrix) values = modeProduct(values, product(dims.slice(0, n)), product(rank.slice(n + 1)), matrix);
  });
  const scale = scaleOf(parameter.scaleCode);
  return permuteBack(values, shape, padded, permutation, (value) => Math.fround(value * scale));
}

function permuteBack(values, shape, padded, permutation, finish) {
  const strides = new Array(shape.length); // of the parameter's modes in `values`
  permutation.reduceRight((stride, mode) => {
    strides[mode] = stride;
    return stride * padded[mode];
  }, 1);
  const dense = new Float32Array(product(shape));
  const index = new Array(shape.length).fill(0);
  for (let k = 0, place = 0; k < dense.length; k++) {
    dense[k] = finish(values[place]);
    for (let mode = shape.length - 1; mode >= 0; mode--) {
      place += strides[mode];
      if (++index[mode] < shape[mode]) break;
      place -= strides[mode] * shape[mode];
      index[mode] = 0;
    }
  }
  return dense;
}

// All parameters of a network by name; those of a known architecture that a file leaves out are 0.
function denseNetwork({ architecture, parameters }) {
  const dense = {};
  if (KNOWN.includes(architecture)) {
    for (const [name, shape] of Object.entries(parameterTable(architecture))) {
      dense[name] = new Float32Array(product(shape));
    }
  }
  for (const parameter of parameters) dense[parameter.name] = toDense(parameter);
  return dense;
}
