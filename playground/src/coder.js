// The range coder of docs/file_format.md: whole numbers of 64 bits, words of 32.

class AdaError extends Error {}

const LAST_64 = (1n << 64n) - 1n;
const LAST_32 = (1n << 32n) - 1n;
const PRECISION = 24;
const MOST = 1 << 16; // more choices than that are split in two

class RangeDecoder {
  constructor(bytes) {
    this.bytes = bytes;
    this.place = 0;
    this.bits = 0; // that the values read so far cost
    this.low = 0n;
    this.range = LAST_64;
    this.point = (this.word() << 32n) | this.word();
    this.again = new RangeEncoder();
  }

  // The next four bytes, big-endian; zeros stand behind the last.
  word() {
    let word = 0;
    for (let k = 0; k < 4; k++) word = word * 256 + (this.bytes[this.place++] || 0);
    return BigInt(word);
  }

  // One value; `find` turns a place in the table into [value, its start, its end].
  read(find) {
    const step = this.range >> 24n;
    const quotient = ((this.point - this.low) & LAST_64) / step;
    if (quotient >> 24n) throw new AdaError("the coded stream fits no value that could stand here");
    const [value, start, end] = find(Number(quotient));
    this.low = (this.low + step * BigInt(start)) & LAST_64;
    this.range = step * BigInt(end - start);
    if (this.range <= LAST_32) {
      this.low = (this.low << 32n) & LAST_64;
      this.range <<= 32n;
      this.point = ((this.point << 32n) & LAST_64) | this.word();
    }
    this.bits += PRECISION - Math.log2(end - start);
    this.again.write(start, end);
    return value;
  }

  // One of 0, ..., count - 1.
  choice(count) {
    if (count <= 1) return 0;
    if (count > MOST) {
      const value = this.choice(Math.ceil(count / MOST)) * MOST + this.choice(MOST);
      if (value >= count) throw new AdaError(`${value} is none of the ${count} choices`);
      return value;
    }
    const width = Math.floor(2 ** PRECISION / count);
    return this.read((place) => {
      const value = Math.min(Math.floor(place / width), count - 1);
      return [value, value * width, value < count - 1 ? (value + 1) * width : 2 ** PRECISION];
    });
  }

  integer(limit) {
    let value = 0;
    for (let place = 1; ; place *= 128) {
      const digit = this.choice(256);
      value += (digit % 128) * place;
      if (value > limit || place > 2 ** 31) {
        throw new AdaError(`an integer of ${value} where at most ${limit} can be`);
      }
      if (digit === 0 && place > 1) throw new AdaError("an integer ends in a zero that nobody writes");
      if (digit < 128) return value;
    }
  }

  text() {
    const size = this.integer(1000);
    let escaped = "";
    for (let k = 0; k < size; k++) escaped += "%" + (256 + this.choice(256)).toString(16).slice(1);
    try {
      return decodeURIComponent(escaped);
    } catch {
      throw new AdaError("a name is no UTF-8 text");
    }
  }

  // So many integers under a table: C[0], ..., C[n], of the integers from -(n - 1) / 2.
  tensor(size, table) {
    const values = new Int32Array(size);
    const largest = (table.length - 2) / 2;
    const find = (place) => {
      let [left, right] = [0, table.length - 1]; // C[left] <= place < C[right]
      while (right - left > 1) {
        const middle = (left + right) >> 1;
        if (table[middle] <= place) left = middle;
        else right = middle;
      }
      return [left - largest, table[left], table[left + 1]];
    };
    for (let k = 0; k < size; k++) values[k] = this.read(find);
    return values;
  }

  // All has been read: the bytes must be those that an encoder writes for it.
  finish() {
    const needed = this.again.content();
    if (needed.length !== this.bytes.length || needed.some((byte, k) => byte !== this.bytes[k])) {
      throw new AdaError(
        `the coded stream has ${this.bytes.length} bytes, not the ${needed.length} that are ` +
          "written for what it holds: bytes were added, lost or changed",
      );
    }
  }
}

class RangeEncoder {
  constructor() {
    this.words = []; // shifted out of `low`
    this.low = 0n;
    this.range = LAST_64;
  }

  write(start, end) {
    const step = this.range >> 24n;
    this.low += step * BigInt(start);
    this.range = step * BigInt(end - start);
    if (this.low > LAST_64) {
      this.low &= LAST_64;
      this.carry();
    }
    if (this.range <= LAST_32) {
      this.words.push(Number(this.low >> 32n));
      this.low = (this.low << 32n) & LAST_64;
      this.range <<= 32n;
    }
  }

  carry() {
    let k = this.words.length - 1;
    while (this.words[k] === 0xffffffff) this.words[k--] = 0;
    this.words[k] += 1;
  }

  // The fewest bytes that decode to what was written.
  content() {
    if (this.range === LAST_64) return [];
    const hex = this.words.map((word) => word.toString(16).padStart(8, "0")).join("");
    const low = (BigInt("0x0" + hex) << 64n) | this.low;
    const end = low + this.range;
    const shifts = this.words.length;
    const single = end >> 32n === (low + LAST_32) >> 32n; // one multiple of 2^32 lies in between
    for (let length = Math.max(4 * shifts - (single ? 0 : 4), 0); ; length++) {
      const unit = BigInt(32 * shifts + 64 - 8 * length);
      const number = -(-low >> unit); // the least that is not below `low`
      if (number << unit < end) return toBytes(number, length);
    }
  }
}

function toBytes(number, length) {
  const hex = length ? number.toString(16).padStart(2 * length, "0") : "";
  return Array.from({ length }, (_, k) => parseInt(hex.slice(2 * k, 2 * k + 2), 16));
}
