// The pad to draw on, the ten bars and the feature maps: what the notebook's canvas
// (canvas.js, whose networks are in the kernel) and the page without one
// (tools/draw_page, whose networks are in the page) have in common.
const SIDE = 140; // pixels of the drawing as it is read
const PAPER = 560; // pixels of the drawing as it is drawn: fine screens have two a point
const PEN = 12; // width of the pen, in pixels of the drawing as it is read
const WIDEST_PEN = 30;
const STEP = 1 / 35; // of the paper's side: how far a key moves the pen
const FINE_STEP = 1 / SIDE; // with Shift
const UNDONE_AT_MOST = 100; // drawings that are kept to go back to
const COLORS = { ANN: "#D55E00", CNN: "#0072B2" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function element(name, className, parent, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function button(parent, text, label, press) {
  const made = element("button", `dc-button dc-${text.toLowerCase()}`, parent, text);
  made.type = "button";
  made.setAttribute("aria-label", label);
  made.addEventListener("click", press);
  return made;
}

// A slider with its name and its value; change(value) is called while it moves.
function slider(parent, { name, low, high, step = 1, value = 0, unit = "" }, change) {
  const row = element("label", "dc-slider", parent);
  element("span", "dc-slider-name", row, name);
  const input = element("input", "", row);
  Object.assign(input, { type: "range", min: low, max: high, step, value });
  input.autocomplete = "off"; // or, on the way back, it stands where nothing knows of it
  const said = element("span", "dc-slider-value", row); // read aloud with the slider
  const show = () => {
    said.textContent = `${input.value}${unit}`;
    input.setAttribute("aria-valuetext", said.textContent);
  };
  input.addEventListener("input", (event) => { show(); change(Number(input.value), event); });
  show();
  return { input, set(to) { input.value = to; show(); } };
}

// Paint bytes (0 = paper, 255 = ink) on a canvas of as many pixels.
function paint(canvas, bytes, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let k = 0; k < bytes.length; k++) pixels[k] = 0xff000000 + (255 - bytes[k]) * 0x10101;
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// The pad. changed(event) is called when the drawing is another one.
function makePad(parent, changed) {
  const part = element("div", "dc-part", parent);
  element("div", "dc-title", part, "Draw a digit");
  const stage = element("div", "dc-stage", part);
  const paper = element("canvas", "dc-paper", stage);
  paper.width = paper.height = PAPER;
  paper.tabIndex = 0;
  paper.setAttribute("role", "application"); // it takes keys
  paper.setAttribute("aria-label", "Canvas: draw one digit with mouse, pen, finger or keys");
  const cursor = element("span", "dc-cursor", stage);
  cursor.hidden = true;
  const said = element("span", "dc-said", part); // for who cannot see the pen go down
  said.setAttribute("aria-live", "polite");
  const buttons = element("div", "dc-buttons", part);

  const ink = paper.getContext("2d", { willReadFrequently: true });
  const reduced = element("canvas");
  reduced.width = reduced.height = SIDE;
  const copy = reduced.getContext("2d", { willReadFrequently: true });
  let strokes = []; // each a list of points [x, y], in sides of the paper
  const past = []; // the drawings before, for undo
  let pen = PEN;
  let pointer = null; // the mouse, pen or finger that draws now
  let byTouch = false; // it is a finger, or the hand that lies on the paper
  let keyed = false; // the keyboard's pen is down
  let at = [0.5, 0.5]; // where the keyboard's pen is

  // The same lines in the same order, now or when all is drawn again: the same pixels.
  function line(from, to) {
    const width = (pen * PAPER) / SIDE;
    const [x, y] = to.map((value) => value * PAPER);
    ink.beginPath();
    if (from[0] === to[0] && from[1] === to[1]) { // browsers draw no line without length
      ink.fillStyle = "black";
      ink.arc(x, y, width / 2, 0, 2 * Math.PI);
      ink.fill();
      return;
    }
    ink.lineWidth = width;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "black";
    ink.moveTo(from[0] * PAPER, from[1] * PAPER);
    ink.lineTo(x, y);
    ink.stroke();
  }

  function drawAgain() {
    ink.fillStyle = "white";
    ink.fillRect(0, 0, PAPER, PAPER);
    strokes.forEach((points) =>
      points.forEach((point, k) => line(points[Math.max(0, k - 1)], point)),
    );
  }

  function replace(drawing, event) {
    lift();
    strokes = drawing;
    drawAgain();
    changed(event);
  }

  function remember() {
    past.push(strokes);
    if (past.length > UNDONE_AT_MOST) past.shift();
  }

  function begin(point) {
    remember();
    strokes = [...strokes, [point]];
    line(point, point);
  }

  function goOn(point) {
    const points = strokes.at(-1);
    line(points.at(-1), point);
    points.push(point);
  }

  function lift() {
    pointer = null;
    if (keyed) said.textContent = "Pen up.";
    keyed = false;
    cursor.classList.remove("dc-down");
  }

  function clear(event) {
    if (strokes.length) remember();
    replace([], event);
  }

  function undo(event) {
    if (past.length) replace(past.pop(), event);
  }

  // --- mouse, pen, finger ---
  function place(event) {
    const box = paper.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  paper.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointer !== null) { // a second finger draws nothing, a pen whatever the hand does
      if (!byTouch || event.pointerType !== "pen") return;
      undo(event);
    }
    event.preventDefault();
    lift();
    cursor.hidden = true;
    paper.focus({ preventScroll: true }); // so that undo's keys are heard
    pointer = event.pointerId;
    byTouch = event.pointerType === "touch";
    paper.setPointerCapture(pointer); // the stroke goes on when the pen leaves the paper
    begin(place(event));
    changed(event);
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    (events.length ? events : [event]).forEach((each) => goOn(place(each)));
    changed(event);
  });
  paper.addEventListener("pointercancel", (event) => { // it was a palm, or a gesture
    if (event.pointerId === pointer) undo(event);
  });
  ["pointerup", "lostpointercapture"].forEach((name) =>
    paper.addEventListener(name, (event) => {
      if (event.pointerId === pointer) pointer = null;
    }),
  );

  // --- keys ---
  const held = new Set(); // two arrows at once go aslant
  function move(event) {
    const step = event.shiftKey ? FINE_STEP : STEP;
    const way = [...held].reduce(([x, y], key) => [x + ARROWS[key][0], y + ARROWS[key][1]], [0, 0]);
    at = at.map((value, axis) => Math.min(1, Math.max(0, value + step * way[axis])));
    if (!keyed) return;
    goOn(at);
    changed(event);
  }

  function toggle(event) {
    if (keyed) {
      lift();
    } else {
      keyed = true;
      cursor.classList.add("dc-down");
      said.textContent = "Pen down.";
      begin(at);
      changed(event);
    }
  }

  part.addEventListener("keydown", (event) => {
    const isZ = event.key.toLowerCase() === "z" && !event.shiftKey; // Caps Lock or not
    if (!(event.ctrlKey || event.metaKey) || !isZ) return;
    event.preventDefault();
    undo(event);
  });
  paper.addEventListener("keydown", (event) => {
    if (event.key === "Backspace") undo(event);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "Delete") clear(event);
    else if (event.key in ARROWS || event.key === " " || event.key === "Enter") {
      event.preventDefault(); // nor does the page scroll below a stroke
      if (pointer !== null) return;
      cursor.hidden = false;
      if (event.key in ARROWS) { held.add(event.key); move(event); }
      else if (!event.repeat) toggle(event);
      [cursor.style.left, cursor.style.top] = at.map((value) => `${100 * value}%`);
    } else return;
    event.preventDefault();
  });
  paper.addEventListener("keyup", (event) => held.delete(event.key));
  paper.addEventListener("blur", () => {
    held.clear();
    cursor.hidden = true;
    if (keyed) lift();
  });

  button(buttons, "Undo", "Undo: take the last stroke back", undo);
  button(buttons, "Clear", "Clear the canvas", clear);
  const width = { name: "Pen", low: 1, high: WIDEST_PEN, value: PEN, unit: " px" };
  const penSlider = slider(part, width, (value, event) => {
    pen = value;
    drawAgain();
    if (strokes.length) changed(event);
  });
  const keys = element(
    "div", "dc-keys", part,
    "Keys: arrows move (finer with Shift), Space lowers and lifts the pen, " +
      "Backspace takes the last stroke back, Delete clears.",
  );
  keys.id = `dc-keys-${Math.random().toString(36).slice(2)}`;
  paper.setAttribute("aria-describedby", keys.id);
  drawAgain();

  return {
    part,
    // The drawing as it is read: SIDE × SIDE bytes, 0 = paper, 255 = ink.
    bytes() {
      copy.fillStyle = "white";
      copy.fillRect(0, 0, SIDE, SIDE);
      copy.imageSmoothingQuality = "high";
      copy.drawImage(paper, 0, 0, SIDE, SIDE);
      const pixels = copy.getImageData(0, 0, SIDE, SIDE).data;
      return Uint8Array.from({ length: SIDE * SIDE }, (_, k) => 255 - pixels[4 * k]);
    },
    isEmpty: () => strokes.length === 0,
    setPen(value) { pen = value; penSlider.set(value); drawAgain(); },
    show(drawing, event) { remember(); replace(drawing.map((points) => [...points]), event); },
  };
}

// The ten bars of each network. show(name, probabilities) returns the most probable
// digit, which root's data names, too; without probabilities the bars are empty.
function makeAnswers(parent, root) {
  const part = element("div", "dc-part dc-answers", parent);
  const tables = {};

  function tableOf(name) {
    if (tables[name]) return tables[name];
    const table = element("div", "dc-model", part);
    const title = element("div", "dc-title", table, name);
    const rows = [...Array(10).keys()].map((digit) => {
      const row = element("div", "dc-row", table);
      element("span", "dc-digit", row, String(digit));
      const bar = element("span", "dc-fill", element("span", "dc-bar", row));
      bar.style.background = COLORS[name] ?? "#009E73";
      return { row, bar, share: element("span", "dc-share", row) };
    });
    return (tables[name] = { title, rows });
  }

  return function show(name, probabilities) {
    const { title, rows } = tableOf(name);
    const best = probabilities && probabilities.indexOf(Math.max(...probabilities));
    title.textContent = probabilities ? `${name}: ${best}` : name;
    rows.forEach(({ row, bar, share }, digit) => {
      const percent = probabilities ? 100 * probabilities[digit] : 0;
      bar.style.width = `${percent}%`;
      share.textContent = probabilities ? `${percent.toFixed(1)} %` : "";
      row.classList.toggle("dc-best", probabilities != null && digit === best);
    });
    root.dataset[name.toLowerCase()] = probabilities ? best : "";
    return best;
  };
}

// Feature maps: for each layer {name, shape: [height, width, n]} the bytes of as many
// maps as are shown, one after the other.
function makeMaps(root) {
  const part = element("div", "dc-maps", root);

  return function show(layers, images) {
    if (part.children.length !== layers.length) part.replaceChildren();
    layers.forEach(({ name, shape: [height, width, n] }, k) => {
      const bytes = images[k];
      const shown = bytes.length / (height * width);
      const row = part.children[k] ?? element("div", "dc-layer", part);
      if (row.children.length !== shown + 1) {
        row.replaceChildren();
        element("span", "dc-name", row, `${name}: ${shown} of ${n} maps, ${height}×${width}`);
        for (let map = 0; map < shown; map++) {
          const canvas = element("canvas", "dc-map", row);
          canvas.setAttribute("role", "img");
          canvas.setAttribute("aria-label", `${name}, map ${map + 1}`);
        }
      }
      for (let map = 0; map < shown; map++) {
        const one = bytes.subarray(map * height * width, (map + 1) * height * width);
        paint(row.children[map + 1], one, width, height);
      }
    });
  };
}

// What the networks see, 28 by 28.
function makeSmall(root) {
  const part = element("div", "dc-part", root);
  element("div", "dc-title", part, "What the networks see");
  const stage = element("div", "dc-stage", part);
  const small = element("canvas", "dc-small", stage);
  small.setAttribute("role", "img");
  small.setAttribute("aria-label", "The drawing in MNIST's form, 28 by 28 pixels");
  return { part, stage, small };
}

// "ANN reads 7 (98 %), CNN reads 7 (100 %)."
function sentence(read, show) {
  const parts = Object.entries(read).map(([name, probabilities]) => {
    const best = show(name, probabilities);
    return `${name} reads ${best} (${(100 * probabilities[best]).toFixed(0)} %)`;
  });
  return `${parts.join(", ")}.`;
}
