// What the pages do by themselves: filter at once, sort in place, and stay up to date.
// Without script the same form and links do it, one page at a time.
"use strict";

const PERIOD = 10000; // milliseconds from one refresh to the next
const PATIENCE = 60000;
const form = document.getElementById("filter");
let texts = new WeakMap(); // row -> what it is found by
let timer = 0;
let request = null;

// Of the page's address, what the form shows.
function asked() {
  const data = new FormData(form);
  const wanted = new URLSearchParams();
  for (const [name, value] of data) if (value && !(name === "sort" && value === "verdict")) wanted.append(name, value);
  return wanted;
}

function textOf(row) {
  let text = texts.get(row);
  if (text === undefined) texts.set(row, text = row.textContent.toLowerCase());
  return text;
}

function filter() {
  const words = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const level = form.level.value;
  const rows = document.getElementById("rows").rows;
  let shown = 0;
  for (const row of rows) {
    const wanted = (!level || row.classList.contains(level)) && words.every((word) => textOf(row).includes(word));
    if (row.hidden === wanted) row.hidden = !wanted;
    shown += wanted;
  }
  document.getElementById("shown").textContent = shown < rows.length ? `${shown} of ${rows.length} shown` : "";
}

function filtered() {
  filter();
  history.replaceState(null, "", `?${asked()}`);
}

// Where all rows are, whatever the filter says.
function address() {
  if (!form) return location.href;
  const wanted = asked();
  wanted.delete("q");
  wanted.delete("level");
  return `./?${wanted}`;
}

// Put what is new in place of what is shown; the focus stays where it was.
function show(fresh) {
  const focused = document.activeElement;
  for (const old of document.querySelectorAll("[data-live]")) {
    const replacement = fresh.getElementById(old.id);
    if (!replacement) continue;
    const had = old.contains(focused) ? focused : null;
    old.replaceWith(document.adoptNode(replacement));
    if (!had) continue;
    const same = had.id ? document.getElementById(had.id)
      : [...replacement.querySelectorAll("a")].find((link) => link.getAttribute("href") === had.getAttribute("href"));
    same?.focus({ preventScroll: true });
  }
  if (form) filter();
}

function trouble(sentence) {
  document.getElementById("trouble").textContent = sentence;
}

function refresh() {
  clearTimeout(timer);
  request?.abort();
  const began = performance.now();
  request = new XMLHttpRequest();
  request.open("GET", address());
  request.responseType = "document";
  request.timeout = PATIENCE;
  request.onload = ({ target: { status, response } }) => {
    trouble(status === 200 ? "" : `This is not up to date: the exporter answered ${status}.`);
    if (status === 200 && response) show(response);
  };
  request.onerror = request.ontimeout = () => trouble("This is not up to date: the exporter does not answer.");
  request.onloadend = ({ target }) => {
    if (target === request) requestAnimationFrame(() => again(performance.now() - began));
  };
  request.send();
}

// The more work a refresh is, for the exporter and here, the rarer it is done.
function again(took = 0) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.hidden) return; // see below
    if (getSelection().isCollapsed) refresh();
    else again(); // somebody is about to copy what would vanish
  }, Math.max(PERIOD, 20 * took));
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

if (form) {
  form.querySelector("button").hidden = true;
  form.addEventListener("input", filtered);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filtered();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#head a, #counts a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const wanted = new URL(link.href).searchParams;
    if (link.closest("#counts")) {
      form.level.value = form.level.value === wanted.get("level") ? "" : wanted.get("level");
      filtered();
    } else {
      form.sort.value = wanted.get("sort");
      filtered();
      refresh();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select")) {
      event.preventDefault();
      form.q.focus();
    }
  });
  // Of a page that was asked for with a filter only those rows came.
  if (asked().has("q") || asked().has("level")) refresh();
}
if (document.querySelector("[data-live]")) again();
