// What the staff's pages do better by keyboard; each works without.
(() => {
  "use strict";

  const typing = (el) => el?.matches("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const at = document.activeElement;
    const box = document.querySelector("[data-search]");

    // The key / leads to the search box.
    if (event.key === "/" && box && !typing(at)) {
      event.preventDefault();
      box.focus();
      box.select();
      return;
    }

    // Arrow keys go from the search box to the rows and from row to row; Enter
    // opens, as it does any link.
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const rows = [...document.querySelectorAll("a[data-row]")].filter((row) => row.checkVisibility());
    const here = rows.indexOf(at);
    if (rows.length === 0 || (here < 0 && at !== box && at !== document.body)) return;
    if (here < 0 && step < 0) return;
    const next = here + step;
    const to = next < 0 ? box : rows[Math.min(next, rows.length - 1)];
    if (!to) return;
    event.preventDefault();
    to.focus();
    to.scrollIntoView({ block: "nearest" });
  });
})();
