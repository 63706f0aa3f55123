// The notebook's side of utils/canvas: what pad.js draws goes to the kernel, and what the
// kernel answers is shown.
const PAUSE = 50; // milliseconds between two messages while a stroke goes on
const PATIENCE = 4000; // milliseconds until a kernel that says nothing is reported
const OF_A_SHOW = ["Escape", "F5", "PageDown", "PageUp"]; // what clickers send, too
const ALIVE = ["idle", "busy"];
const DEATHS = ["restarting", "autorestarting", "terminating", "dead"];
const SILENT = {
  busy: "The kernel is busy. Draw on: your drawing is read as soon as the running cell is done.",
  gone: "The kernel has stopped. Restart it (menu Kernel), then run the notebook's cells from the top.",
  restarted: "The kernel was restarted and knows nothing of this canvas. Run the notebook's cells from the top.",
  silent:
    "No answer yet. If another cell is running, draw on: your drawing is read when it is done. " +
    "If the kernel was restarted, run the notebook's cells from the top.",
};

function asBytes(view) {
  return new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength);
}

// Watch the kernel, where the page knows it (Jupyter's do): why() says why there is no
// answer. A kernel that is busy enough cannot even say that it is; but one that was
// restarted since has been seen to be.
function watch(model) {
  let kernel = null;
  try {
    kernel = model.widget_manager?.kernel ?? null;
  } catch {
    // no such thing here
  }
  let restarted = false;
  const look = (_, status) => { restarted ||= DEATHS.includes(status); };
  kernel?.statusChanged?.connect(look);
  return {
    why() {
      if (!kernel?.status) return "silent";
      const connected = (kernel.connectionStatus ?? "connected") === "connected";
      if (kernel.isDisposed || !connected || !ALIVE.includes(kernel.status)) return "gone";
      return restarted ? "restarted" : "busy";
    },
    end() { kernel?.statusChanged?.disconnect(look); },
  };
}

function render({ model, el }) {
  const root = element("div", "digit-canvas", el);
  // JupyterLab would take the keys and the right click for itself. Those of a show are
  // its own: who has drawn goes on with a clicker. It looks first, so we look before it.
  const hush = ({ key }) =>
    root.toggleAttribute("data-lm-suppress-shortcuts", !OF_A_SHOW.includes(key));
  hush({});
  window.addEventListener("keydown", hush, true);
  root.dataset.jpSuppressContextMenu = "true";
  const pad = makePad(root, changed);
  const { part: seen, small } = makeSmall(root);
  const wish = element("label", "dc-wish", seen);
  const wanted = element("input", "", wish);
  wanted.type = "checkbox";
  wanted.autocomplete = "off"; // on the way back, too, there are no maps at first
  wish.append(" feature maps of the CNN");
  const show = makeAnswers(root, root);
  const status = element("div", "dc-status", root, "Nothing drawn yet.");
  status.setAttribute("role", "status"); // read aloud when it changes
  const showMaps = makeMaps(root);

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function showNothing() {
    paint(small, new Uint8Array(28 * 28), 28, 28);
    ["ANN", "CNN"].forEach((name) => show(name, null));
    showMaps([], []);
  }

  // --- messages: one at a time, the newest drawing when the last one is answered ---
  const kernel = watch(model);
  const view = Math.random().toString(36).slice(2); // one model can be shown twice
  let number = 0;
  let waiting = null; // the name of the message that is not answered yet
  let dirty = false; // the drawing has changed since the last message
  let sentAt = -Infinity;
  let changedAt = 0;
  let timer = null;
  let patience = null;
  let why = null; // why the kernel does not answer, or null
  let gone = false; // this view is

  // For whoever measures: is there a change that was not answered yet?
  function note() {
    root.dataset.busy = dirty || waiting !== null ? "yes" : "no";
    root.dataset.drawn = pad.isEmpty() ? "no" : "yes";
  }

  function changed() {
    if (!dirty) changedAt = performance.now();
    dirty = true;
    if (pad.isEmpty()) {
      showNothing();
      if (why === null) say("Nothing drawn yet.");
    }
    note();
    send();
  }

  function send() {
    // A kernel that is busy answers later; a message that was lost is sent again.
    const lost = why !== null && why !== "busy" && performance.now() - sentAt > PATIENCE;
    if (!dirty || (waiting !== null && !lost) || timer !== null) return;
    const left = sentAt + PAUSE - performance.now();
    if (left > 0) {
      timer = setTimeout(() => { timer = null; send(); }, left);
      return;
    }
    dirty = false;
    sentAt = performance.now();
    waiting = `${view}-${++number}`;
    root.dataset.changedAt = changedAt;
    beginToWait();
    try {
      model.send({ id: waiting, maps: wanted.checked }, undefined, [pad.bytes().buffer]);
    } catch {
      report();
    }
  }

  function beginToWait() {
    clearTimeout(patience);
    patience = setTimeout(report, PATIENCE);
  }

  function report() {
    if (gone || waiting === null) return;
    why = kernel.why();
    beginToWait(); // busy may end, and what lives may die
    say(SILENT[why]);
    root.dataset.kernel = why;
  }

  function answered(answer, buffers) {
    if (gone || !answer.id?.startsWith(view)) return;
    if (answer.id === waiting) {
      clearTimeout(patience);
      waiting = null;
    }
    why = null;
    root.dataset.kernel = "answers";
    if (answer.problem) {
      say(`The networks could not read it: ${answer.problem}`);
    } else if (answer.empty) {
      showNothing();
      say("Nothing drawn yet.");
    } else {
      const [image, ...maps] = buffers.map(asBytes);
      paint(small, image, 28, 28);
      say(sentence(answer.read, show));
      showMaps(answer.maps ?? [], maps);
      root.dataset.answers = Number(root.dataset.answers ?? 0) + 1;
      root.dataset.latency = performance.now() - Number(root.dataset.changedAt);
    }
    note();
    send();
  }

  wanted.addEventListener("change", () => {
    if (!pad.isEmpty()) changed();
    if (!wanted.checked) showMaps([], []);
  });
  model.on("msg:custom", answered);
  showNothing();
  note();

  return () => {
    gone = true;
    clearTimeout(timer);
    clearTimeout(patience);
    model.off("msg:custom", answered);
    kernel.end();
    window.removeEventListener("keydown", hush, true);
  };
}

export default { render };
