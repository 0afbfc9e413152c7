// The pad: strokes by mouse, finger or pen, or by keys: arrows move, space puts the pen down.

const KEY_STEP = 0.04;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Pad {
  // `changed(isDone)` is called with every new point, and with true when a stroke ends.
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.pen = [0.5, 0.25]; // where the keys have brought it
    this.byKeys = false;
    this.down = false;
    canvas.addEventListener("pointerdown", (event) => this.start(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.stop());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.draw());
  }

  clear() {
    this.strokes = [];
    this.down = this.dragging = false;
    this.tell(true);
  }

  tell(isDone) {
    this.draw();
    this.changed(isDone);
  }

  start(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.dragging = true;
    this.byKeys = this.down = false;
    this.strokes.push([this.place(event)]);
    this.tell(false);
  }

  move(event) {
    if (!this.dragging) return;
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    const stroke = this.strokes[this.strokes.length - 1];
    stroke.push(...(passed.length ? passed : [event]).map((one) => this.place(one)));
    this.tell(false);
  }

  stop() {
    if (!this.dragging) return;
    this.dragging = false;
    this.tell(true);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  key(event) {
    const step = ARROWS[event.key];
    this.byKeys = true;
    if (step) {
      this.pen = this.pen.map((value, k) => Math.min(Math.max(value + KEY_STEP * step[k], 0.04), 0.96));
      if (this.down) this.strokes[this.strokes.length - 1].push(this.pen);
      this.tell(this.down);
    } else if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.strokes.push([this.pen]);
      this.tell(true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
  }

  draw() {
    const [context, side, ink] = prepare(this.canvas);
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = side / 14;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) context.lineTo(x * side, y * side);
      context.stroke();
    }
    if (this.byKeys && document.activeElement === this.canvas) this.drawPen(context, side);
  }

  drawPen(context, side) {
    context.beginPath();
    context.lineWidth = side / 140;
    context.arc(this.pen[0] * side, this.pen[1] * side, side / 28, 0, 7);
    if (this.down) context.fill();
    else context.stroke();
  }
}

// A canvas as sharp as the screen, wiped: its context, its side in its own pixels, and the ink.
function prepare(canvas) {
  const side = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  return [context, side, getComputedStyle(canvas).color];
}
