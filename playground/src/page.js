// The page: one file that is shown, one pad that is drawn on, one answer.

const page = { network: null, weights: null, detector: null };
const pad = new Pad(element("pad"), (isDone) => answer(isDone));

// Decode and show a file; one that is damaged leaves what is there and says why.
function openBytes(bytes, name) {
  try {
    page.network = decodeFile(bytes);
  } catch (error) {
    if (!(error instanceof AdaError)) throw error;
    return complain(`${name} cannot be read: ${error.message}.`);
  }
  complain("");
  const { architecture, parameters } = page.network;
  page.readsDigits = architecture in LENETS;
  page.weights = page.readsDigits ? denseNetwork(page.network) : null;
  const shapes = Object.fromEntries(parameters.map(({ name: key, shape }) => [key, shape]));
  const all = { ...(KNOWN.includes(architecture) ? parameterTable(architecture) : {}), ...shapes };
  showFile(page.network, name, Object.values(all).reduce((sum, shape) => sum + product(shape), 0));
  element("no-digits").hidden = page.readsDigits;
  answer(true);
}

function complain(message) {
  element("message").textContent = message;
}

// What the network says of the strokes; a screen reader hears it only at the end of one.
function answer(isDone) {
  const pixels = page.readsDigits ? toDigit(pad.strokes) : null;
  const run = pixels && runLenet(page.network.architecture, page.weights, pixels);
  const sentence = showAnswer(run && softmax(run.logits));
  if (isDone) element("answer").textContent = sentence || "Draw a digit.";
  showPictures(element("seen"), pixels || new Uint8Array(784), 1, 28, 1);
  if (run) {
    const { values, count, side } = run.maps;
    showPictures(element("maps"), values, count, side, side > 1 ? 5 : 25);
  } else {
    showPictures(element("maps"), new Float32Array(1), 1, 1, 1);
  }
}

async function openFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isPicture = file.type.startsWith("image/");
  if (!isPicture) return openBytes(bytes, file.name);
  if (!page.detector) return complain(`${file.name} is a picture; this browser cannot read QR codes.`);
  const found = await attempt(async () => bytesOfPicture(page.detector, await createImageBitmap(file)));
  if (found) openBytes(found, file.name);
  else if (found === null) complain(`${file.name} shows no QR code.`);
}

// Run what may fail for reasons of the browser or of a QR code, and say why; undefined if it failed.
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(`That did not work: ${error.message}.`);
  }
}

function openShipped() {
  const holder = element("shipped");
  const letters = atob(holder.textContent.trim());
  openBytes(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)), holder.dataset.name);
}

function redraw() {
  pad.draw();
  answer(false);
}

async function begin() {
  openShipped();
  pad.draw();
  element("clear").addEventListener("click", () => pad.clear());
  element("back").addEventListener("click", openShipped);
  element("file").addEventListener("change", ({ target }) => {
    if (target.files.length) openFile(target.files[0]);
    target.value = "";
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
  });
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  page.detector = await qrDetector();
  if (page.detector) offerQrCodes();
}

function offerQrCodes() {
  const button = element("camera");
  const camera = new Camera(element("video"), button, (bytes) => openBytes(bytes, "The QR code"));
  element("file").accept = ".ada,image/*";
  element("file-label").textContent = "Open an .ada file or a picture of a QR code";
  button.hidden = !(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);
  button.addEventListener("click", () => attempt(() => camera.toggle(page.detector)));
}

begin();
