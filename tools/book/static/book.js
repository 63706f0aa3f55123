// What the book adds to its theme: help for the keyboard, and for paper.

// Whatever scrolls can be reached by the Tab key, and nothing else.
function markScrollers() {
  const selector = "article :is(pre, .table-wrapper, .cell_output, .math-block)";
  for (const element of document.querySelectorAll(selector)) {
    if (element.scrollWidth > element.clientWidth + 1) {
      element.tabIndex = 0;
    } else {
      element.removeAttribute("tabindex");
    }
  }
}
new ResizeObserver(markScrollers).observe(document.body);

// Words that were searched for are not marked in the names of icons: Sphinx cannot do it.
for (const name of document.querySelectorAll("svg title")) name.classList.add("nohighlight");

// A drawer that opens has the focus: it may lie far from its button in the page's order.
for (const [name, place] of [["__navigation", ".sidebar-drawer"], ["__toc", ".toc-drawer"]]) {
  const toggle = document.getElementById(name);
  toggle.addEventListener("change", () => {
    const links = [...document.querySelectorAll(`${place} a`)];
    if (toggle.checked) links.find((link) => link.offsetParent)?.focus();
  });
}

// Escape closes a drawer.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const toggle of document.querySelectorAll(".sidebar-toggle:checked")) {
    toggle.checked = false;
    toggle.focus();
  }
});

// A drawer that led to a place on this page has done its work.
document.querySelector(".toc-drawer")?.addEventListener("click", (event) => {
  if (event.target.closest("a")) document.getElementById("__toc").checked = false;
});

// On paper nothing can be unfolded.
const unfolded = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("article details:not([open])")) {
    details.open = true;
    unfolded.push(details);
  }
});
addEventListener("afterprint", () => {
  for (const details of unfolded.splice(0)) details.open = false;
});
