// On the page that searches: a piece of each page that was found, without a request.

// Sphinx fetches such a page; a file may not, and texts.js has them all.
window.fetch = (address) => {
  const root = document.documentElement.dataset.content_root;
  return Promise.resolve(new Response(TEXTS[address.slice(root.length)]));
};

// The index has neither numbers nor words like "the", whose spelling is not at fault.
Documentation.TRANSLATIONS[
  "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories."
] = "Nothing was found. Numbers and words like “the” are not in the index; are all others spelled correctly?";

const BEFORE = 80; // letters before the word that was found
const PIECE = 240; // letters in all

// Where in a text the longest and most of the words stand together. Sphinx looks for their
// stems, which may not occur: "stratifi" of "stratify".
function bestPlace(text, stems) {
  const stemmer = new Stemmer();
  const words = [...text.matchAll(/[\p{Letter}\p{Number}_]+/gu)];
  const found = words
    .map(({ 0: word, index }) => ({ stem: stemmer.stemWord(word.toLowerCase()), index }))
    .filter(({ stem }) => stems.has(stem));
  const scores = found.map(({ index }) => {
    const near = found.filter((other) => 0 <= other.index - index && other.index - index < PIECE / 2);
    return [...new Set(near.map(({ stem }) => stem))].join("").length;
  });
  return found[scores.indexOf(Math.max(...scores))]?.index ?? 0;
}

Search.makeSearchSummary = (html, stems, anchor) => {
  const text = Search.htmlToText(html, anchor).replace(/\s+/g, " ").trim();
  const wanted = Math.max(0, bestPlace(text, stems) - BEFORE);
  const start = wanted && text.lastIndexOf(" ", wanted) + 1; // not in the middle of a word
  const end = start + PIECE < text.length ? text.lastIndexOf(" ", start + PIECE) : text.length;
  const piece = document.createElement("p");
  piece.className = "context";
  piece.textContent = `${start ? "… " : ""}${text.slice(start, end)}${end < text.length ? " …" : ""}`;
  return piece;
};
