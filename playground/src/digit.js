// Strokes to a digit as MNIST has them: in a box of 20 x 20, its centre of mass amid 28 x 28 pixels.

const SIDE = 28;
const BOX = 20;
const PEN = 1.4; // half the width of a line, in pixels: as dark as MNIST's digits on the average
const LEAST = 0.25; // a dot is not blown up: what is smaller than a quarter of the pad stays small

// `strokes`: lists of points [x, y], the pad's side being 1; gives 784 bytes, or null for no stroke.
function toDigit(strokes) {
  const points = strokes.flat();
  if (!points.length) return null;
  const [left, top] = [0, 1].map((k) => Math.min(...points.map((point) => point[k])));
  const [right, bottom] = [0, 1].map((k) => Math.max(...points.map((point) => point[k])));
  const scale = (BOX - 2 * PEN) / Math.max(right - left, bottom - top, LEAST);
  const [x, y] = centreOfMass(strokes, scale, (left + right) / 2, (top + bottom) / 2);
  return render(strokes, scale, x, y);
}

// Where the pad's centre of mass is, found in a first picture around (x, y).
function centreOfMass(strokes, scale, x, y) {
  const pixels = render(strokes, scale, x, y);
  let [sum, across, down] = [0, 0, 0];
  pixels.forEach((ink, k) => {
    sum += ink;
    across += ink * ((k % SIDE) + 0.5 - SIDE / 2);
    down += ink * (Math.floor(k / SIDE) + 0.5 - SIDE / 2);
  });
  return [x + across / sum / scale, y + down / sum / scale];
}

// Draw strokes with a round pen, the pad's point (x, y) in the middle.
function render(strokes, scale, x, y) {
  const pixels = new Uint8Array(SIDE * SIDE);
  const move = (point) => [(point[0] - x) * scale + SIDE / 2, (point[1] - y) * scale + SIDE / 2];
  for (const stroke of strokes) {
    const moved = stroke.map(move);
    moved.forEach((point, k) => drawLine(pixels, moved[Math.max(k - 1, 0)], point));
  }
  return pixels;
}

function drawLine(pixels, [x0, y0], [x1, y1]) {
  const reach = PEN + 0.5;
  const clip = (value) => Math.min(Math.max(Math.floor(value), 0), SIDE - 1);
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  for (let row = clip(Math.min(y0, y1) - reach); row <= clip(Math.max(y0, y1) + reach); row++) {
    for (let column = clip(Math.min(x0, x1) - reach); column <= clip(Math.max(x0, x1) + reach); column++) {
      const [dx, dy] = [column + 0.5 - x0, row + 0.5 - y0];
      const along = length ? (dx * (x1 - x0) + dy * (y1 - y0)) / length : 0;
      const t = Math.min(Math.max(along, 0), 1);
      const distance = Math.hypot(dx - t * (x1 - x0), dy - t * (y1 - y0));
      const ink = 255 * Math.min(Math.max(reach - distance, 0), 1);
      const at = row * SIDE + column;
      pixels[at] = Math.max(pixels[at], ink);
    }
  }
}
