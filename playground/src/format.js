// A whole `.ada` file: checked, decoded, and how many bits each part of it takes.

const MAX_TABLES = 2 ** 20;
const MAX_BYTES = 2 ** 25;
const PREFIX = 8; // "ADA", version, checksum

// Decode a Uint8Array: {architecture, parameters, bytes, bits}, or an AdaError that says what is wrong.
function decodeFile(bytes) {
  const decoder = new RangeDecoder(checkedBody(bytes));
  const shelf = new Shelf();
  const [architecture, records] = readRecords(decoder, shelf);
  const described = decoder.bits;
  const models = shelf.shapes.map(() => readModel(decoder));
  if (models.reduce((sum, { largest }) => sum + 2 * largest + 1, 0) > MAX_TABLES) {
    throw new AdaError("the symbol models know more than 2^20 integers");
  }
  const modelled = decoder.bits;
  const tensors = shelf.shapes.map((shape, number) => readTensor(decoder, shape, models[number]));
  decoder.finish();
  const parameters = records.map((record) => ({
    ...record,
    tensors: record.parts.map((part) => (part === null ? null : tensors[part])),
  }));
  const bits = { prefix: 8 * PREFIX, records: described, models: modelled - described };
  return { architecture, parameters: withBits(parameters), bytes: bytes.length, bits };
}

function checkedBody(bytes) {
  if (bytes.length > MAX_BYTES) throw new AdaError("the file has more bytes than the largest .ada file");
  if (bytes[0] !== 65 || bytes[1] !== 68 || bytes[2] !== 65) {
    throw new AdaError("this is not an .ada file: it does not start with the letters ADA");
  }
  if (bytes.length < PREFIX) throw new AdaError(`the file ends after ${bytes.length} bytes: it was cut off`);
  if (bytes[3] !== 2) {
    throw new AdaError(`the file has format version ${bytes[3]}; this page reads version 2`);
  }
  const expected = (bytes[4] | (bytes[5] << 8) | (bytes[6] << 16) | (bytes[7] << 24)) >>> 0;
  const body = bytes.subarray(PREFIX);
  const found = crc32(body);
  if (found !== expected) {
    const [is, says] = [found, expected].map((sum) => sum.toString(16).padStart(8, "0"));
    throw new AdaError(`the checksum is ${is}, the file says ${says}: it is damaged or was cut off`);
  }
  return body;
}

function crc32(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function readModel(decoder) {
  const largest = SIZES[decoder.choice(SIZES.length)];
  return largest ? { largest, zeta: decoder.choice(16), theta: decoder.choice(16) } : { largest };
}

function readTensor(decoder, shape, { largest, zeta, theta }) {
  const start = decoder.bits;
  const size = product(shape);
  const values = largest
    ? decoder.tensor(size, symbolTable(largest, zeta, theta))
    : new Int32Array(size);
  return { shape, values, bits: decoder.bits - start };
}

// Each parameter with the numbers it stores and the bits of these; what is shared counts for the first.
function withBits(parameters) {
  const seen = new Set();
  return parameters.map((parameter) => {
    const all = parameter.tensors.filter(Boolean);
    const own = all.filter((tensor) => !seen.has(tensor) && seen.add(tensor));
    const sum = (tensors, of) => tensors.reduce((total, tensor) => total + of(tensor), 0);
    return {
      ...parameter,
      numbers: sum(all, (tensor) => tensor.values.length),
      coded: sum(own, (tensor) => tensor.bits),
      shares: own.length < all.length,
    };
  });
}
