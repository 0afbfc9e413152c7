// QR codes whose bytes are an `.ada` file, where the browser can read QR codes (BarcodeDetector).

async function qrDetector() {
  try {
    const formats = await BarcodeDetector.getSupportedFormats();
    return formats.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : null;
  } catch {
    return null; // this browser has none
  }
}

// The browser hands the bytes over as a text: one letter a byte, if it takes them for Latin-1.
function qrBytes(text) {
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  if ([...text].some((letter) => letter.charCodeAt(0) > 255)) {
    throw new AdaError(
      "the browser took the bytes of the QR code for text and lost some: open the .ada file instead",
    );
  }
  return bytes;
}

async function bytesOfPicture(detector, picture) {
  const [found] = await detector.detect(picture);
  return found ? qrBytes(found.rawValue) : null;
}

// Looks through the camera until a QR code is seen, or the button is pressed again.
class Camera {
  constructor(video, button, seen) {
    Object.assign(this, { video, button, seen, stream: null });
  }

  async toggle(detector) {
    if (this.stream) return this.stop();
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    this.video.srcObject = this.stream;
    this.video.hidden = false;
    this.button.textContent = "Stop the camera";
    await this.video.play();
    try {
      while (this.stream) {
        const bytes = await bytesOfPicture(detector, this.video);
        if (bytes && this.stream) this.seen(bytes);
        if (bytes) break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    } finally {
      this.stop();
    }
  }

  stop() {
    if (this.stream) this.stream.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.hidden = true;
    this.button.textContent = "Read a QR code by camera";
  }
}
