// What the pages do better with a script; each works without.
(() => {
  "use strict";

  // Countdowns: <time data-countdown data-now> as the server drew them; the
  // difference between the two clocks is taken out.
  const pad = (n) => String(n).padStart(2, "0");
  const clock = (seconds) => {
    const h = Math.floor(seconds / 3600), m = Math.floor(seconds / 60) % 60, s = seconds % 60;
    return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${pad(m)}:${pad(s)}`;
  };
  const skews = new WeakMap();
  function tick() {
    for (const el of document.querySelectorAll("[data-countdown]")) {
      const drawn = el.dataset.now;
      let seen = skews.get(el);
      if (!seen || seen.drawn !== drawn) {
        seen = { drawn, skew: Date.parse(drawn) - Date.now() };
        skews.set(el, seen);
      }
      const left = Math.max(0, Math.round((Date.parse(el.dataset.countdown) - Date.now() - seen.skew) / 1000));
      const words = clock(left);
      if (el.textContent !== words) el.textContent = words;
      el.toggleAttribute("data-over", left === 0);
    }
  }
  tick();
  setInterval(tick, 1000);

  // A form that a gateway wants posted goes by itself, once: back again, it waits
  // for the button.
  const handover = document.querySelector("form[data-handover]");
  if (handover && !history.state?.handed) {
    history.replaceState({ handed: true }, "");
    handover.submit();
  }

  // Where the places of a group scroll sideways, the present one is in sight.
  for (const here of document.querySelectorAll("nav .overflow-x-auto [aria-current]")) {
    const list = here.closest(".overflow-x-auto");
    const beyond = here.getBoundingClientRect().right - list.getBoundingClientRect().right;
    if (beyond > 0) list.scrollLeft += beyond + 24;
  }

  // The restart's check: counts what is ticked, with the server's own words as
  // the pattern ({count}, {sum}, {days}).
  const yuan = (fen) => "¥" + (fen / 100).toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  function count(form) {
    const bar = form.querySelector("[data-count]");
    if (!bar) return;
    const ticked = [...form.querySelectorAll("input[name=campaign_id]:checked")];
    const sum = ticked.reduce((total, box) => total + Number(box.dataset.budget), 0);
    const spendable = Number(bar.dataset.spendable);
    const daily = sum + Number(bar.dataset.running);
    const days = daily > 0 ? Math.floor((spendable * 10) / daily) / 10 : 0;
    const set = (name, words) => {
      const el = bar.querySelector(`[data-count-${name}]`);
      if (el) el.textContent = words;
    };
    set("chosen", ticked.length);
    set("sum", yuan(sum));
    set("days", daily > 0 ? days : "–");
    const warning = form.querySelector("[data-count-warning]");
    if (warning) warning.hidden = !(daily > spendable);
    const start = form.querySelector("[data-count-submit]");
    if (start) start.disabled = ticked.length === 0;
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-restart]");
    if (!form) return;
    count(form);
  });
  // The plan's slider ticks as many from the top as it stands at.
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-cut]")) return;
    const form = event.target.form;
    form.querySelectorAll("input[name=campaign_id]:not(:disabled)").forEach((box, place) => { box.checked = place < event.target.value; });
    count(form);
  });
  const plan = (form) => {
    const slider = form.querySelector("[data-cut]");
    if (slider) slider.hidden = false;
    count(form);
  };
  document.querySelectorAll("form[data-restart]").forEach(plan);

  // A filter applies as soon as it is chosen.
  document.addEventListener("change", (event) => {
    if (event.target.matches("form[data-auto] select")) event.target.form.requestSubmit();
  });

  // A button that was pressed says that it works, and can't be pressed twice.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button) return;
    button.setAttribute("aria-busy", "true");
    setTimeout(() => { button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[aria-busy]")) {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  });

  // What is to be written down elsewhere can be taken along.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.ariaLabel = button.dataset.copied;
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling); // to be copied by hand
    }
  });

  // The first field that was refused takes the focus.
  const focusRefused = (root) => root.querySelector("[aria-invalid=true]")?.focus();
  focusRefused(document);
  document.addEventListener("htmx:after:swap", (event) => {
    const ctx = event.detail.ctx;
    tick();
    document.querySelectorAll("form[data-restart]").forEach(plan);
    if (ctx?.target === document.body) {
      window.scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    }
    if (ctx?.request.method === "POST") focusRefused(document);
  });
})();
