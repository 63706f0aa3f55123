// The page's side of utils/labs/canvas.py: a canvas, and what the kernel answers.
const SIDE = 140; // pixels of the drawing as it is sent
const PAPER = 560; // pixels of the drawing as it is drawn: fine screens have two a point
const PEN = 0.085; // width of the pen, as a part of the paper's side
const PAUSE = 50; // milliseconds between two messages while a stroke goes on
const PATIENCE = 4000; // milliseconds until a kernel that says nothing is reported
const COLORS = { ANN: "#D55E00", CNN: "#0072B2" };

function element(name, className, parent, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

// Paint bytes (0 = paper, 255 = ink) on a canvas of as many pixels.
function paint(canvas, bytes, width, height) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let k = 0; k < bytes.length; k++) {
    picture.data.fill(255 - bytes[k], 4 * k, 4 * k + 3);
    picture.data[4 * k + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function asBytes(view) {
  return new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
}

function render({ model, el }) {
  const root = element("div", "digit-canvas", el);
  // JupyterLab would take the keys and the right click for itself.
  root.dataset.lmSuppressShortcuts = "true";
  root.dataset.jpSuppressContextMenu = "true";

  // --- what there is to see ---
  const drawing = element("div", "dc-part", root);
  element("div", "dc-title", drawing, "Draw a digit");
  const paper = element("canvas", "dc-paper", drawing);
  paper.width = paper.height = PAPER;
  paper.setAttribute("role", "img");
  paper.setAttribute("aria-label", "Canvas: draw one digit with mouse, pen or finger");
  const clear = element("button", "dc-clear", drawing, "Clear");
  clear.type = "button";
  clear.setAttribute("aria-label", "Clear the canvas");

  const seen = element("div", "dc-part", root);
  element("div", "dc-title", seen, "What the networks see");
  const small = element("canvas", "dc-small", seen);
  small.setAttribute("role", "img");
  small.setAttribute("aria-label", "The drawing in MNIST's form, 28 by 28 pixels");
  const wish = element("label", "dc-wish", seen);
  const wanted = element("input", "", wish);
  wanted.type = "checkbox";
  wish.append(" feature maps of the CNN");

  const answers = element("div", "dc-part dc-answers", root);
  const status = element("div", "dc-status", root, "Nothing drawn yet.");
  status.setAttribute("role", "status"); // read aloud when it changes
  const maps = element("div", "dc-maps", root);
  const tables = {};

  function tableOf(name) {
    if (tables[name]) return tables[name];
    const table = element("div", "dc-model", answers);
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

  function show(name, probabilities) {
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
  }

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function showNothing() {
    paint(small, new Uint8Array(28 * 28), 28, 28);
    ["ANN", "CNN"].forEach((name) => show(name, null));
    maps.replaceChildren();
    root.dataset.drawn = "no";
  }

  // --- the pen ---
  const ink = paper.getContext("2d", { willReadFrequently: true });
  const reduced = element("canvas");
  reduced.width = reduced.height = SIDE;
  const copy = reduced.getContext("2d", { willReadFrequently: true });
  let pointer = null;
  let last = null;

  function wipe() {
    ink.fillStyle = "white";
    ink.fillRect(0, 0, PAPER, PAPER);
  }

  function place(event) {
    const box = paper.getBoundingClientRect();
    const scale = PAPER / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  function lineTo(point) {
    ink.lineWidth = PEN * PAPER;
    ink.lineCap = ink.lineJoin = "round";
    ink.strokeStyle = "black";
    ink.beginPath();
    ink.moveTo(...last);
    ink.lineTo(...point);
    ink.stroke();
    last = point;
  }

  paper.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return; // a second finger draws nothing
    event.preventDefault();
    pointer = event.pointerId;
    paper.setPointerCapture(pointer); // the stroke goes on when the pen leaves the paper
    last = place(event);
    lineTo(last);
    changed();
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    (events.length ? events : [event]).forEach((each) => lineTo(place(each)));
    changed();
  });
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) =>
    paper.addEventListener(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      changed();
    }),
  );

  // --- messages: one at a time, the newest drawing when the last one is answered ---
  const view = Math.random().toString(36).slice(2); // one model can be shown twice
  let number = 0;
  let waiting = null; // the name of the message that is not answered yet
  let dirty = false; // the drawing has changed since the last message
  let sentAt = -Infinity;
  let changedAt = 0;
  let timer = null;
  let patience = null;
  let gone = false;

  // For whoever measures: is there a change that was not answered yet?
  function note() {
    root.dataset.busy = dirty || waiting !== null ? "yes" : "no";
  }

  function changed() {
    if (!dirty) changedAt = performance.now();
    dirty = true;
    root.dataset.drawn = "yes";
    note();
    send();
  }

  function send() {
    // A kernel that is busy answers later; a message that was lost is sent again.
    const silent = performance.now() - sentAt > PATIENCE;
    if (!dirty || (waiting !== null && !silent) || timer !== null) return;
    const left = sentAt + PAUSE - performance.now();
    if (left > 0) {
      timer = setTimeout(() => { timer = null; send(); }, left);
      return;
    }
    copy.fillStyle = "white";
    copy.fillRect(0, 0, SIDE, SIDE);
    copy.imageSmoothingQuality = "high";
    copy.drawImage(paper, 0, 0, SIDE, SIDE);
    const pixels = copy.getImageData(0, 0, SIDE, SIDE).data;
    const bytes = new Uint8Array(SIDE * SIDE);
    for (let k = 0; k < bytes.length; k++) bytes[k] = 255 - pixels[4 * k];
    dirty = false;
    sentAt = performance.now();
    waiting = `${view}-${++number}`;
    root.dataset.changedAt = changedAt;
    clearTimeout(patience);
    patience = setTimeout(lost, PATIENCE);
    try {
      model.send({ id: waiting, maps: wanted.checked }, undefined, [bytes.buffer]);
    } catch {
      lost();
    }
  }

  function lost() {
    clearTimeout(patience);
    say("The kernel is busy or gone. Draw on; if this stays, run this cell again.");
    root.dataset.kernel = "silent";
    root.dataset.busy = "no";
  }

  function answered(answer, buffers) {
    if (gone || !answer.id?.startsWith(view)) return;
    if (answer.id === waiting) {
      clearTimeout(patience);
      waiting = null;
    }
    root.dataset.kernel = "answers";
    if (answer.problem) {
      say(`The networks could not read it: ${answer.problem}`);
    } else if (answer.empty) {
      showNothing();
      say("Nothing drawn yet.");
    } else {
      paint(small, asBytes(buffers[0]), 28, 28);
      const read = Object.entries(answer.read).map(([name, probabilities]) => {
        const best = show(name, probabilities);
        return `${name} reads ${best} (${(100 * probabilities[best]).toFixed(0)} %)`;
      });
      say(`${read.join(", ")}.`);
      showMaps(answer.maps ?? [], buffers.slice(1));
      root.dataset.answers = Number(root.dataset.answers ?? 0) + 1;
      root.dataset.latency = performance.now() - Number(root.dataset.changedAt);
    }
    note();
    send();
  }

  function showMaps(layers, buffers) {
    if (maps.children.length !== layers.length) maps.replaceChildren();
    layers.forEach(({ name, shape: [height, width, n] }, k) => {
      const bytes = asBytes(buffers[k]);
      const shown = bytes.length / (height * width);
      const row = maps.children[k] ?? element("div", "dc-layer", maps);
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
        const part = bytes.subarray(map * height * width, (map + 1) * height * width);
        paint(row.children[map + 1], part, width, height);
      }
    });
  }

  clear.addEventListener("click", () => {
    wipe();
    showNothing();
    say("Nothing drawn yet.");
    changed();
    root.dataset.drawn = "no";
  });
  wanted.addEventListener("change", () => {
    if (root.dataset.drawn === "yes") changed();
    if (!wanted.checked) maps.replaceChildren();
  });
  model.on("msg:custom", answered);
  wipe();
  showNothing();

  return () => {
    gone = true;
    clearTimeout(timer);
    clearTimeout(patience);
    model.off("msg:custom", answered);
  };
}

export default { render };
