// The LeNets: 784 bytes of a digit, white on black, to ten numbers and the maps of the first layer.

const PIXEL_MEAN = 0.1307;
const PIXEL_STD = 0.3081;

function runLenet(architecture, weights, pixels) {
  const input = Float32Array.from(pixels, (pixel) => (pixel / 255 - PIXEL_MEAN) / PIXEL_STD);
  return architecture === "lenet5" ? lenet5(weights, input) : lenet300(weights, input);
}

function lenet5(weights, input) {
  const maps = conv(input, 1, 28, weights["conv1.weight"], weights["conv1.bias"]); // (20, 24, 24)
  const pooled = maxPool(maps, 20, 24); // (20, 12, 12)
  const second = conv(pooled, 20, 12, weights["conv2.weight"], weights["conv2.bias"]); // (50, 8, 8)
  const hidden = relu(linear(maxPool(second, 50, 8), weights["fc1.weight"], weights["fc1.bias"]));
  const logits = linear(hidden, weights["fc2.weight"], weights["fc2.bias"]);
  return { logits, maps: { values: maps, count: 20, side: 24 } };
}

function lenet300(weights, input) {
  const first = relu(linear(input, weights["fc1.weight"], weights["fc1.bias"]));
  const second = relu(linear(first, weights["fc2.weight"], weights["fc2.bias"]));
  const logits = linear(second, weights["fc3.weight"], weights["fc3.bias"]);
  return { logits, maps: { values: first, count: 300, side: 1 } };
}

// (channels, side, side) with kernels (n, channels, 5, 5), no padding -> (n, side - 4, side - 4).
function conv(input, channels, side, kernel, bias) {
  const width = side - 4;
  const output = new Float32Array(bias.length * width * width);
  const patch = new Float32Array(channels * 25);
  for (let at = 0; at < width * width; at++) {
    const corner = Math.floor(at / width) * side + (at % width);
    for (let k = 0, c = corner; k < patch.length; c += side * side) {
      for (let row = c; row < c + 5 * side; row += side) {
        for (let column = 0; column < 5; column++) patch[k++] = input[row + column];
      }
    }
    linear(patch, kernel, bias).forEach((value, o) => (output[o * width * width + at] = value));
  }
  return output;
}

function maxPool(input, channels, side) {
  const half = side / 2;
  const output = new Float32Array(channels * half * half);
  for (let k = 0; k < output.length; k++) {
    const at = 2 * side * Math.floor(k / half) + 2 * (k % half);
    output[k] = Math.max(input[at], input[at + 1], input[at + side], input[at + side + 1]);
  }
  return output;
}

function linear(input, weight, bias) {
  return bias.map((start, o) => {
    let sum = start;
    for (let i = 0, at = o * input.length; i < input.length; i++) sum += weight[at + i] * input[i];
    return sum;
  });
}

const relu = (values) => values.map((value) => Math.max(value, 0));

function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
