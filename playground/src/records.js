// What a file says of a network before its integers: names, shapes, ranks, what is shared.

const MAX_ORDER = 8;
const MAX_DIM = 2 ** 28;
const MAX_STORED = 2 ** 22;
const MAX_TENSORS = 2 ** 14;
const MAX_PARAMETERS = 4096;
const SCALES = 4096;

const product = (numbers) => numbers.reduce((all, number) => all * number, 1);
const range = (n) => Array.from({ length: n }, (_, k) => k);

const LENETS = {
  lenet5: {
    "conv1.weight": [20, 1, 5, 5], "conv1.bias": [20], "conv2.weight": [50, 20, 5, 5],
    "conv2.bias": [50], "fc1.weight": [500, 800], "fc1.bias": [500], "fc2.weight": [10, 500],
    "fc2.bias": [10],
  },
  lenet300: {
    "fc1.weight": [300, 784], "fc1.bias": [300], "fc2.weight": [100, 300], "fc2.bias": [100],
    "fc3.weight": [10, 100], "fc3.bias": [10],
  },
};

function resnet(depth) {
  const table = { "conv1.weight": [16, 3, 3, 3], "bn1.weight": [16], "bn1.bias": [16] };
  let inside = 16;
  [16, 32, 64].forEach((outside, stage) => {
    for (let block = 0; block < (depth - 2) / 6; block++) {
      for (const half of [1, 2]) {
        const name = `layer${stage + 1}.${block}`;
        table[`${name}.conv${half}.weight`] = [outside, inside, 3, 3];
        table[`${name}.bn${half}.weight`] = [outside];
        table[`${name}.bn${half}.bias`] = [outside];
        inside = outside;
      }
    }
  });
  return { ...table, "fc.weight": [10, 64], "fc.bias": [10] };
}

const KNOWN = ["lenet5", "lenet300", "resnet20", "resnet32", "resnet56", "resnet110"];
const parameterTable = (name) => LENETS[name] || resnet(Number(name.slice(6)));

// The tensors met so far, by number.
class Shelf {
  constructor() {
    this.shapes = [];
    this.stored = 0;
    this.weights = 0;
  }

  add(shape) {
    this.stored += product(shape);
    return this.shapes.push(shape) - 1;
  }

  numbers(fits) {
    return range(this.shapes.length).filter((number) => fits(this.shapes[number]));
  }

  check(name, more = 0) {
    if (this.weights + more > MAX_DIM || this.stored > MAX_STORED || this.shapes.length > MAX_TENSORS) {
      throw new AdaError(`up to ${name} the network is larger than a file may declare`);
    }
  }
}

// The architecture's name and the records of its parameters; new tensors are put on the shelf.
function readRecords(decoder, shelf) {
  const number = decoder.choice(256);
  if (number < 255) {
    if (number >= KNOWN.length) throw new AdaError(`the architecture has number ${number}, which is not known`);
    const table = Object.entries(parameterTable(KNOWN[number]));
    const records = table.map(([name, shape]) => decoder.choice(2) && readRecord(decoder, shelf, name, shape));
    return [KNOWN[number], records.filter(Boolean)];
  }
  const architecture = decoder.text();
  if (KNOWN.includes(architecture)) throw new AdaError(`gives the name of ${architecture}, not its number`);
  const records = range(decoder.integer(MAX_PARAMETERS)).map(() => {
    const name = decoder.text();
    return readRecord(decoder, shelf, name, readShape(decoder));
  });
  const names = records.map((record) => record.name);
  if (new Set(names).size < names.length) throw new AdaError("two parameters have the same name");
  return [architecture, records];
}

function readShape(decoder) {
  const shape = range(decoder.choice(MAX_ORDER) + 1).map(() => decoder.integer(MAX_DIM));
  if (shape.includes(0)) throw new AdaError(`a parameter of shape ${shape}; every dimension is at least 1`);
  return shape;
}

function readRecord(decoder, shelf, name, shape) {
  shelf.check(name, product(shape));
  const start = decoder.bits;
  let padded = shape;
  let code = decoder.choice(SCALES);
  if (code === 0) {
    padded = shape.map((dim) => dim + decoder.integer(MAX_DIM));
    code = decoder.choice(SCALES);
  }
  shelf.check(name, product(padded));
  if (code === 0) throw new AdaError(`${name} has a scale code that is not known`);
  const given = { name, shape, padded, scaleCode: code - SCALES / 2 };
  const record = decoder.choice(2) ? readTucker(decoder, shelf, given) : plain(shelf, given);
  shelf.weights += product(record.dims);
  shelf.check(name);
  const reach = product(record.dims.map((dim, n) => Math.max(dim, record.rank[n])));
  if (reach > MAX_DIM) throw new AdaError(`${name} has a rank of ${record.rank} for dims ${record.dims}`);
  return { ...record, bits: decoder.bits - start };
}

function plain(shelf, given) {
  const { shape } = given;
  if (given.padded !== shape) throw new AdaError(`${given.name} is plain and padded`);
  const parts = [shelf.add(shape), ...shape.map(() => null)];
  return { ...given, dims: shape, permutation: range(shape.length), rank: shape, parts };
}

function readTucker(decoder, shelf, given) {
  const order = decoder.choice(MAX_ORDER) + 1;
  const left = range(given.shape.length);
  const permutation = given.shape.map(() => left.splice(decoder.choice(left.length), 1)[0]);
  const dims = readDims(decoder, product(given.padded), order);
  let core = readEarlier(decoder, shelf.numbers((shape) => shape.length === order));
  let rank, full;
  if (core === null) {
    const ranks = dims.map((dim) => readRank(decoder, dim));
    rank = ranks.map(([value]) => value);
    full = ranks.map(([, isFull]) => isFull);
    core = shelf.add(rank);
  } else {
    rank = shelf.shapes[core];
    full = dims.map((dim, n) => rank[n] === dim && !decoder.choice(2));
  }
  const factors = dims.map((dim, n) => (full[n] ? null : readFactor(decoder, shelf, dim, rank[n])));
  return { ...given, dims, permutation, rank, parts: [core, ...factors] };
}

function readDims(decoder, entries, order) {
  const dims = [];
  while (dims.length < order - 1) {
    const choices = divisors(entries);
    dims.push(choices[decoder.choice(choices.length)]);
    entries /= dims[dims.length - 1];
  }
  return [...dims, entries];
}

function divisors(n) {
  const small = [];
  for (let d = 1; d * d <= n; d++) if (n % d === 0) small.push(d);
  return [...new Set([...small, ...small.map((d) => n / d).reverse()])];
}

// The number of an earlier tensor, or null for a new one.
function readEarlier(decoder, earlier) {
  if (!earlier.length || !decoder.choice(2)) return null;
  return earlier[decoder.choice(earlier.length)];
}

// A rank, and whether its mode is full and has no matrix.
function readRank(decoder, dim) {
  const value = decoder.choice(dim + 1);
  if (value < dim) return [value + 1, value + 1 === dim];
  const rank = decoder.integer(MAX_DIM);
  if (rank < dim) throw new AdaError(`a rank of ${rank} where at least ${dim} must be`);
  return [rank, false];
}

function readFactor(decoder, shelf, dim, rank) {
  const number = readEarlier(
    decoder,
    shelf.numbers((shape) => shape.length === 2 && shape[0] === dim && shape[1] === rank),
  );
  return number === null ? shelf.add([dim, rank]) : number;
}
