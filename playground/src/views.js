// What the page shows of an answer and of a file.

const element = (id) => document.getElementById(id);
const thousands = (number) => Math.round(number).toLocaleString("en-US");
const times = (shape) => shape.join(" × ");

function showAnswer(chances) {
  const best = chances ? chances.indexOf(Math.max(...chances)) : -1;
  element("bars").replaceChildren(...range(10).map((digit) => bar(digit, chances, digit === best)));
  return best < 0 ? "" : `I read ${best}, ${Math.round(100 * chances[best])} % sure.`;
}

function bar(digit, chances, isBest) {
  const percent = chances ? 100 * chances[digit] : 0;
  const row = make("li", isBest ? "best" : "", make("b", "", String(digit)));
  const line = make("span", "line", make("i", ""));
  line.firstChild.style.width = `${percent}%`;
  row.append(line, make("span", "", chances ? `${Math.round(percent)} %` : ""));
  return row;
}

function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// Small grey pictures side by side on one canvas; the darkest ink is the largest value.
function showPictures(canvas, values, count, side, perRow) {
  const gap = count > 1 && side > 1 ? 1 : 0;
  const rows = Math.ceil(count / perRow);
  [canvas.width, canvas.height] = [perRow * (side + gap) - gap, rows * (side + gap) - gap];
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const [red, green, blue] = getComputedStyle(canvas).color.match(/\d+/g).map(Number);
  const largest = values.reduce((most, value) => Math.max(most, value), 1e-9);
  values.forEach((value, k) => {
    const [picture, pixel] = [Math.floor(k / (side * side)), k % (side * side)];
    const x = (picture % perRow) * (side + gap) + (pixel % side);
    const y = Math.floor(picture / perRow) * (side + gap) + Math.floor(pixel / side);
    const ink = 255 * Math.max(value / largest, 0);
    image.data.set([red, green, blue, ink], 4 * (y * canvas.width + x));
  });
  context.putImageData(image, 0, 0);
}

// The parts of a file in the order in which they stand in it: [name, bits, parameter or null].
function fileParts({ bits, parameters }) {
  return [
    ["letters, version, checksum", bits.prefix, null],
    ["names, shapes, scales", bits.records, null],
    ["symbol models", bits.models, null],
    ...parameters.map((parameter) => [parameter.name, parameter.coded, parameter]),
  ];
}

const partColour = (k) => `hsl(${(205 + 137.5 * k) % 360} 55% 52%)`;

function showFile(network, name, weights) {
  const parts = fileParts(network);
  const dense = 4 * weights;
  element("file-size").textContent =
    `${name}: ${network.architecture} in ${thousands(network.bytes)} bytes, ` +
    `${thousands(dense / network.bytes)} times fewer than its ${thousands(weights)} weights take as float32.`;
  showBytes(element("bytes"), parts, network.bytes);
  element("parts").replaceChildren(...parts.map(partRow));
  const shares = network.parameters.some((parameter) => parameter.shares);
  element("shared").hidden = !shares;
}

function partRow([name, bits, parameter], k) {
  const swatch = make("i", "swatch");
  swatch.style.background = partColour(k);
  const head = make("th", "", swatch, name + (parameter && parameter.shares ? " *" : ""));
  head.scope = "row";
  const cells = parameter
    ? [times(parameter.shape), times(parameter.dims), times(parameter.rank), thousands(parameter.numbers)]
    : ["", "", "", ""];
  return make("tr", "", head, ...[...cells, (bits / 8).toFixed(1)].map((text) => make("td", "", text)));
}

// One square a byte (or for several), in the colour of the part that most of its bits belong to.
function showBytes(canvas, parts, bytes) {
  const each = Math.ceil(bytes / 2048);
  const count = Math.ceil(bytes / each);
  const perRow = 64;
  [canvas.width, canvas.height] = [8 * perRow, 8 * Math.ceil(count / perRow)];
  const context = canvas.getContext("2d");
  let [part, end] = [0, parts[0][1]];
  for (let k = 0; k < count; k++) {
    while (part < parts.length - 1 && 8 * each * (k + 0.5) >= end) end += parts[++part][1];
    context.fillStyle = partColour(part);
    context.fillRect(8 * (k % perRow), 8 * Math.floor(k / perRow), 7, 7);
  }
  element("each").textContent = each > 1 ? `Each square stands for ${each} bytes` : "Each square is a byte";
}
