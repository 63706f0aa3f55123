// An image made harder, as in utils/corruptions.py: turned, shifted, noisy, covered.
// Images are Float32Arrays of 28 by 28, 0 = paper, 1 = ink.
const CENTRE = (SIZE - 1) / 2;

// Turn about the centre, clockwise; the four nearest pixels are blended.
function turned(image, degrees) {
  if (degrees === 0) return image;
  const [sin, cos] = [Math.sin, Math.cos].map((f) => f((degrees * Math.PI) / 180));
  const at = (row, column) =>
    row < 0 || row >= SIZE || column < 0 || column >= SIZE ? 0 : image[row * SIZE + column];
  return Float32Array.from({ length: SIZE * SIZE }, (_, k) => {
    const [down, right] = [Math.floor(k / SIZE) - CENTRE, (k % SIZE) - CENTRE];
    const [y, x] = [cos * down - sin * right + CENTRE, sin * down + cos * right + CENTRE];
    const [row, column] = [Math.floor(y), Math.floor(x)];
    const [low, far] = [y - row, x - column];
    return (
      (1 - low) * ((1 - far) * at(row, column) + far * at(row, column + 1)) +
      low * ((1 - far) * at(row + 1, column) + far * at(row + 1, column + 1))
    );
  });
}

// Move by whole pixels; what is uncovered is paper.
function shifted(image, right, down) {
  return image.map((_, k) => {
    const [row, column] = [Math.floor(k / SIZE) - down, (k % SIZE) - right];
    const inside = row >= 0 && row < SIZE && column >= 0 && column < SIZE;
    return inside ? image[row * SIZE + column] : 0;
  });
}

// Add the same noise (NOISE, standard normal, written when the page was built), so much
// of it, and cut at paper and ink.
function noisy(image, sigma) {
  return image.map((value, k) => Math.min(1, Math.max(0, value + sigma * NOISE[k])));
}

// What the networks see of an image. covered: one byte a pixel, 1 = hidden by paper.
function damaged(image, { turn = 0, right = 0, down = 0, noise = 0 }, covered) {
  const moved = noisy(shifted(turned(image, turn), right, down), noise);
  return moved.map((value, k) => (covered?.[k] ? 0 : value));
}
