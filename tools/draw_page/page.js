// The page: what is drawn goes through form.js and damage.js to both networks of
// layers.js, and the answers are shown as the notebook's canvas shows them.
const MAPS_SHOWN = 16; // of each layer
const BRUSH = 1; // pixels that the covering brush reaches around its middle

// --- the feature maps ----------------------------------------------------------------

// The first maps of a layer as bytes, one map after the other, the strongest black.
function mapBytes({ shape: [height, width, n], values }) {
  const strongest = values.reduce((most, value) => Math.max(most, value), 0) || 1;
  const area = height * width;
  return Uint8Array.from({ length: Math.min(n, MAPS_SHOWN) * area }, (_, k) =>
    Math.round((255 * Math.max(0, values[(k % area) * n + Math.floor(k / area)])) / strongest),
  );
}

// --- the brush that covers -----------------------------------------------------------

function makeCover({ part, stage, small }, changed) {
  const covered = new Uint8Array(SIZE * SIZE);
  const cursor = element("span", "dc-cursor", stage);
  cursor.hidden = true;
  small.tabIndex = 0;
  small.setAttribute("role", "application");
  small.setAttribute(
    "aria-label",
    "What the networks see, 28 by 28 pixels: drag over it to cover a part; or move with the " +
      "arrows and cover with Space; Backspace uncovers all",
  );
  let pointer = null;
  let at = [CENTRE, CENTRE].map(Math.ceil);

  function cover([column, row]) {
    for (let y = Math.max(0, row - BRUSH); y <= Math.min(SIZE - 1, row + BRUSH); y++) {
      for (let x = Math.max(0, column - BRUSH); x <= Math.min(SIZE - 1, column + BRUSH); x++) {
        covered[y * SIZE + x] = 1;
      }
    }
  }

  // Cover from where the brush is: a fast hand leaves no gaps.
  function coverTo(to, event) {
    const way = to.map((value, axis) => value - at[axis]);
    const steps = Math.max(1, ...way.map(Math.abs));
    for (let k = 1; k <= steps; k++) {
      cover(way.map((value, axis) => Math.round(at[axis] + (value * k) / steps)));
    }
    at = to;
    changed(event);
  }

  function uncover(event) {
    covered.fill(0);
    changed(event);
  }

  function place(event) {
    const box = small.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(
      (share) => Math.min(SIZE - 1, Math.max(0, Math.floor(share * SIZE))),
    );
  }

  small.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    event.preventDefault();
    cursor.hidden = true;
    pointer = event.pointerId;
    small.setPointerCapture(pointer);
    at = place(event);
    coverTo(at, event);
  });
  small.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    coverTo(place(event), event);
  });
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) =>
    small.addEventListener(name, (event) => {
      if (event.pointerId === pointer) pointer = null;
    }),
  );
  small.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      at = at.map((value, axis) =>
        Math.min(SIZE - 1, Math.max(0, value + ARROWS[event.key][axis])),
      );
    } else if (event.key === " " || event.key === "Enter") coverTo(at, event);
    else if (event.key === "Backspace" || event.key === "Delete") uncover(event);
    else return;
    event.preventDefault();
    cursor.hidden = false;
    [cursor.style.left, cursor.style.top] = at.map((value) => `${(100 * (value + 0.5)) / SIZE}%`);
  });
  small.addEventListener("blur", () => { cursor.hidden = true; });
  const buttons = element("div", "dc-buttons", part);
  button(buttons, "Uncover", "Uncover: show the networks all of the image again", uncover);
  return covered;
}

function paintCovered(small, covered) {
  const context = small.getContext("2d");
  context.fillStyle = "#9ecae1";
  covered.forEach((hidden, k) => {
    if (hidden) context.fillRect(k % SIZE, Math.floor(k / SIZE), 1, 1);
  });
}

// --- the page ------------------------------------------------------------------------

const SLIDERS = {
  right: { name: "Shift right", low: -10, high: 10, unit: " px" },
  down: { name: "Shift down", low: -10, high: 10, unit: " px" },
  turn: { name: "Turn", low: -90, high: 90, step: 5, unit: "°" },
  noise: { name: "Noise", low: 0, high: 0.8, step: 0.05 },
};

function makeSliders(parent, changed) {
  const part = element("div", "dc-part dc-harm", parent);
  element("div", "dc-title", part, "Make it harder");
  const settings = {};
  const made = Object.entries(SLIDERS).map(([key, options]) => {
    settings[key] = 0;
    return [key, slider(part, options, (value, event) => { settings[key] = value; changed(event); })];
  });
  const buttons = element("div", "dc-buttons", part);
  button(buttons, "Reset", "Reset: all of these back to zero", (event) => {
    made.forEach(([key, one]) => { settings[key] = 0; one.set(0); });
    changed(event);
  });
  return settings;
}

function makeExamples(parent, pad) {
  const part = element("div", "dc-examples", parent);
  element("span", "", part, "Or take one: ");
  EXAMPLES.forEach((drawing, digit) => {
    button(part, String(digit), `Draw a ${digit} for me`, (event) => pad.show(drawing, event));
  });
}

function makePage(root) {
  const pad = makePad(root, changed);
  makeExamples(pad.part, pad);
  const seen = makeSmall(root);
  const covered = makeCover(seen, changed);
  const beside = element("div", "dc-part dc-beside", root);
  const settings = makeSliders(beside, changed);
  const show = makeAnswers(beside, root);
  const status = element("div", "dc-status", root, "The networks are being loaded.");
  status.setAttribute("role", "status");
  const showMaps = makeMaps(root);
  let networks = null;
  Object.keys(NETWORKS).forEach((name) => show(name, null));

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function look() {
    const form = toMnist(pictureOf(pad.bytes(), SIDE, SIDE));
    return form && damaged(form, settings, covered);
  }

  function changed(event) {
    const image = look();
    const bytes = Uint8Array.from(image ?? new Float32Array(SIZE * SIZE), (v) => Math.round(255 * v));
    paint(seen.small, bytes, SIZE, SIZE);
    paintCovered(seen.small, covered);
    if (networks === null) return;
    if (image === null) {
      Object.keys(networks).forEach((name) => show(name, null));
      showMaps([], []);
      say("Nothing drawn yet.");
    } else {
      const read = Object.entries(networks).map(([name, call]) => [name, call(image)]);
      say(sentence(Object.fromEntries(read.map(([name, r]) => [name, r.probabilities])), show));
      const maps = read.flatMap(([, { maps }]) => maps);
      showMaps(maps, maps.map(mapBytes));
    }
    root.dataset.answers = Number(root.dataset.answers ?? 0) + 1;
    if (event) root.dataset.latency = performance.now() - event.timeStamp;
  }

  const ready = loadAll(SIZE * SIZE).then(
    (calls) => { networks = calls; changed(); root.dataset.busy = "no"; return calls; },
    (error) => say(`The networks could not be loaded: ${error.message}`),
  );
  return { pad, ready, look, settings, covered, changed };
}

const page = makePage(document.querySelector(".digit-canvas"));
