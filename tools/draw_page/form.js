// A drawing in MNIST's form: what utils/handwriting/box.py does, step by step, in the
// page. A test compares the two pixel by pixel; whoever changes one changes the other.
// A picture is {pixels: Float32Array, width, height}, 0 = paper, 1 = ink.
const SIZE = 28; // MNIST: the digit fits a box of 20 pixels in an image of 28
const BOX = 20;
const THINNEST = 1.6; // pixels of the box: narrower strokes come out grey
const FULL_PEN = 2.2; // what they are widened to

// Python's round: a half goes to the even number.
function roundHalfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function blank(width, height) {
  return { pixels: new Float32Array(width * height), width, height };
}

function pictureOf(bytes, width, height) {
  return { pixels: Float32Array.from(bytes, (byte) => byte / 255), width, height };
}

// The smallest part of the picture that holds all ink, or null where there is none.
function cropped({ pixels, width, height }) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!(pixels[y * width + x] > 0)) continue;
      [top, bottom] = [Math.min(top, y), y];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
  }
  if (bottom < 0) return null;
  const part = blank(right - left + 1, bottom - top + 1);
  for (let y = 0; y < part.height; y++) {
    const from = (top + y) * width + left;
    part.pixels.set(pixels.subarray(from, from + part.width), y * part.width);
  }
  return part;
}

function padded({ pixels, width, height }, margin) {
  const larger = blank(width + 2 * margin, height + 2 * margin);
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    larger.pixels.set(row, (y + margin) * larger.width + margin);
  }
  return larger;
}

// How wide the strokes are on average: twice their area by their outline.
function penWidth(digit) {
  const { pixels, width, height } = padded(digit, 1);
  let [area, outline] = [0, 0];
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const here = pixels[y * width + x];
      area += here;
      outline += Math.hypot(
        pixels[(y + 1) * width + x] - here,
        pixels[y * width + x + 1] - here,
      );
    }
  }
  return (2 * area) / Math.max(outline, 1e-6);
}

// Widen the strokes of a thin pen, so that they are black in the box, as MNIST's.
function fullInk(digit) {
  const onePixel = Math.max(digit.width, digit.height) / BOX;
  const width = penWidth(digit);
  const missing = THINNEST * onePixel - width;
  if (missing <= 0) return digit;
  const reach = Math.min(2 * missing, FULL_PEN * onePixel - width) / 2;
  const page = padded(digit, Math.ceil(reach) + 1);
  const gate = 0.5 * digit.pixels.reduce((most, value) => Math.max(most, value), 0);
  const disc = softDisc(reach, page.width);
  const wider = { ...page, pixels: page.pixels.slice() };
  page.pixels.forEach((value, k) => {
    if (!(value >= gate)) return;
    for (const [offset, ink] of disc) { // the margin is as wide as the disc
      if (wider.pixels[k + offset] < ink) wider.pixels[k + offset] = ink;
    }
  });
  return wider;
}

// What a pixel of ink lays around itself: [how far on in a picture so wide, how much].
function softDisc(reach, width) {
  const far = Math.ceil(reach) + 1;
  const disc = [];
  for (let down = -far; down <= far; down++) {
    for (let right = -far; right <= far; right++) {
      const ink = Math.min(1, reach + 1 - Math.hypot(down, right));
      if (ink > 0) disc.push([down * width + right, ink]);
    }
  }
  return disc;
}

// Pillow's weights for one pixel of the new picture: a Hamming window as wide as what
// the pixel covers.
function weightsOf(index, oldSize, newSize) {
  const scale = oldSize / newSize;
  const support = Math.max(scale, 1);
  const centre = (index + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - support + 0.5));
  const end = Math.min(oldSize, Math.trunc(centre + support + 0.5));
  const weights = [];
  for (let k = first; k < end; k++) {
    const x = Math.PI * Math.abs((k - centre + 0.5) / support);
    const inside = x === 0 ? 1 : (Math.sin(x) / x) * (0.54 + 0.46 * Math.cos(x));
    weights.push(x >= Math.PI ? 0 : inside);
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return { first, weights: weights.map((weight) => weight / sum) };
}

// A picture with another width, turned on its side: twice, and both sides are new.
function resizedAndTurned({ pixels, width, height }, newWidth) {
  const made = blank(height, newWidth);
  for (let x = 0; x < newWidth; x++) {
    const { first, weights } = weightsOf(x, width, newWidth);
    for (let y = 0; y < height; y++) {
      let sum = 0;
      weights.forEach((weight, k) => { sum += weight * pixels[y * width + first + k]; });
      made.pixels[x * height + y] = sum;
    }
  }
  return made;
}

// Scale a digit to fit 20 by 20 pixels, its proportions kept.
function inBox(digit) {
  const part = cropped(digit);
  const factor = BOX / Math.max(part.width, part.height);
  const [width, height] = [part.width, part.height].map((side) =>
    Math.max(1, roundHalfEven(factor * side)),
  );
  if (width === part.width && height === part.height) return part;
  const scaled = resizedAndTurned(resizedAndTurned(part, width), height);
  scaled.pixels.forEach((value, k) => { scaled.pixels[k] = Math.min(1, Math.max(0, value)); });
  return scaled;
}

// Lay it into 28 by 28, the centre of its mass in the middle, moved by whole pixels.
function centred({ pixels, width, height }) {
  let [mass, down, right] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      mass += pixels[y * width + x];
      down += y * pixels[y * width + x];
      right += x * pixels[y * width + x];
    }
  }
  // Of two pixels that are equally near the first, whatever errors of rounding say.
  const start = (centre, side) =>
    Math.min(SIZE - side, Math.max(0, Math.ceil(SIZE / 2 - centre - 0.5 - 1e-4)));
  const [top, left] = [start(down / mass, height), start(right / mass, width)];
  const image = new Float32Array(SIZE * SIZE);
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    image.set(row, (top + y) * SIZE + left);
  }
  return image;
}

// One digit and nothing else, as a Float32Array of 28 by 28; null where there is no ink.
function toMnist(picture) {
  const digit = cropped(picture);
  return digit && centred(inBox(fullInk(digit)));
}
