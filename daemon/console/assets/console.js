// Reading works without this. It keeps an open page up to date, and lets keys do what links do.
"use strict";

// --- Live: after an event the same page is asked for again, and only what differs is changed, so
// --- that focus, open parts, what is being written and the place on the page stay.

const live = document.getElementById("live");
const main = document.getElementById("main");
let asking = false, again = false;

function say(words) {
  if (live.textContent !== words) live.textContent = words;
}

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.status === 401) { say("The console was started anew; open the address it printed."); return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (fresh) keepPlace(() => morph(main, fresh));
    say("Live · changed at " + new Date().toISOString().slice(11, 19));
  } catch {
    say("Not connected.");
  } finally {
    asking = false;
    if (again) { again = false; refresh(); }
  }
}

// The first thing with a name that one sees stays where it is on the screen.
function keepPlace(change) {
  const seen = [...main.querySelectorAll("[id]")].find((one) => one.getBoundingClientRect().top >= 0);
  const before = seen && seen.getBoundingClientRect().top;
  change();
  const after = seen && document.getElementById(seen.id);
  if (after && scrollY > 0) scrollBy({ top: after.getBoundingClientRect().top - before, behavior: "instant" });
}

function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.matches("form[data-dirty]")) return;
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !(name === "open" || name === "data-here")) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes])
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  const named = new Map();
  for (const child of old.children) if (child.id) named.set(child.id, child);
  let place = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let found = wanted.id ? named.get(wanted.id) : place;
    if (!wanted.id && found && found.id) found = null;
    if (!found) {
      if (wanted.nodeType === Node.ELEMENT_NODE && wanted.id) wanted.classList.add("fresh");
      old.insertBefore(wanted, place);
      continue;
    }
    if (found !== place) old.insertBefore(found, place);
    place = found.nextSibling;
    morph(found, wanted);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

// Only while one can see the page: a browser keeps six connections to a host, for all its tabs.
let events = null;
let timer = 0;

function listen() {
  if (events || document.hidden) return;
  let lost = false;
  events = new EventSource("/live");
  events.addEventListener("open", () => { say("Live"); if (lost) refresh(); lost = false; });
  events.addEventListener("error", () => { lost = true; say("Not connected."); });
  events.addEventListener("changed", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 150);
  });
}

function rest() {
  events?.close();
  events = null;
}

function attend() {
  if (document.hidden) { rest(); return; }
  if (!events) refresh();
  listen();
}

addEventListener("input", (event) => { event.target.form?.setAttribute("data-dirty", ""); });

// --- Keys: off and on by the box at the foot of the page; never while one writes.

const box = document.getElementById("keys");
box.closest("p").hidden = false;
box.checked = localStorage.getItem("keys") !== "off";
box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));

function items() {
  return [...main.querySelectorAll(".item")].filter((one) => one.offsetParent !== null);
}

function go(by) {
  const all = items();
  if (!all.length) return;
  const held = all.findIndex((one) => one === document.activeElement || one.closest("[data-item]")?.contains(document.activeElement));
  const next = held < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(held + by, 0), all.length - 1);
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

// Of the item that one is on, else of the page itself.
function keyed(key) {
  const all = [...main.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key);
  const item = document.activeElement.closest("[data-item]");
  return all.find((one) => item?.contains(one)) ?? all.find((one) => !one.closest("[data-item]"));
}

function press(button) {
  button.click();
  button.closest("details")?.querySelector("textarea, input:not([type=hidden])")?.focus();
}

addEventListener("keydown", (event) => {
  if (!box.checked || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const button = keyed(event.key);
  if (event.key === "/") document.getElementById("q")?.focus();
  else if (event.key === "j") go(1);
  else if (event.key === "k") go(-1);
  else if (button) press(button);
  else return;
  event.preventDefault();
});

if (document.querySelector('meta[name="live"]')?.content !== "off") {
  listen();
  document.addEventListener("visibilitychange", attend);
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => { if (event.persisted) attend(); });
}
