// What the pages do beyond plain HTML. Each part looks for its attribute and does nothing without it; every page works
// when this file never arrives. The attributes are listed in services/portal/README.md.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const later = (milliseconds, task) => {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(task, milliseconds, ...args);
  };
};
const isTyping = (element) => element?.matches?.("input:not([type=radio],[type=checkbox]), textarea, select");

// --- Input methods: Enter that ends a composition is the input method's, never the form's. -------------------------
let composed = -1000;
document.addEventListener("compositionend", () => (composed = performance.now()), true);
const isComposing = (event) => event.isComposing || event.keyCode === 229 || performance.now() - composed < 30;
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Enter" || !isComposing(event)) {
      // Whoever has typed on since has left the composition behind.
      if (!event.isComposing && event.keyCode !== 229) composed = -1000;
      return;
    }
    event.stopImmediatePropagation();
    if (!event.isComposing) event.preventDefault();
  },
  true,
);

// --- Forms: sent once; drafts are saved while typing. --------------------------------------------------------------
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  // After this turn, or the button's own name and value would not be sent.
  setTimeout(() => all("button", form).forEach((button) => button.setAttribute("aria-disabled", "true")));
});
// The back button brings the page as it was left; it may be sent again, under the same key.
addEventListener("pageshow", () => {
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    all("button[aria-disabled]", form).forEach((button) => button.removeAttribute("aria-disabled"));
  }
});

// data-draft="/drafts/opening": the fields are posted there while somebody types; [data-draft-note] says how that went.
for (const form of all("form[data-draft]")) {
  const note = one("[data-draft-note]", form);
  let saved = new URLSearchParams(new FormData(form)).toString();
  const save = async () => {
    const body = new URLSearchParams(new FormData(form));
    if (form.dataset.sent || body.toString() === saved) return;
    let isSaved = false;
    try {
      isSaved = (await fetch(form.dataset.draft, { method: "POST", body, keepalive: true })).ok;
    } catch {
      // The line is down: it is tried again below.
    }
    if (isSaved) saved = body.toString();
    else setTimeout(save, 5000);
    if (note) note.textContent = note.dataset[isSaved ? "saved" : "waiting"] ?? "";
  };
  form.addEventListener("input", later(700, save));
  form.addEventListener("change", later(100, save));
  addEventListener("pagehide", save);
  // Another form leaves the page: what was just typed is kept first, unless it is the one that throws it away.
  document.addEventListener("submit", ({ target }) => {
    if (target.action.endsWith("/discard")) form.dataset.sent = "yes";
    else if (target !== form) save();
  });
}

// --- What is found while typing. -----------------------------------------------------------------------------------
// data-suggest="/path" data-suggest-into="#id" [data-suggest-with="name other"]: the answer, HTML, goes into #id. In a
// combo box (role=combobox) it holds role=option elements: data-value is what is typed for the person, and
// data-fill="name=value&…" sets other fields of the form.
for (const input of all("[data-suggest]")) {
  const into = one(input.dataset.suggestInto);
  const isCombo = input.getAttribute("role") === "combobox";
  let asked;
  const close = () => {
    if (!isCombo) return;
    into.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const ask = async () => {
    asked?.abort();
    if (input.value.trim().length < (input.dataset.suggestMin ?? 1)) return close();
    asked = new AbortController();
    const query = new URLSearchParams({ q: input.value });
    for (const name of (input.dataset.suggestWith ?? "").split(" ").filter(Boolean)) {
      const field = input.form.elements[name];
      if (field?.value) query.set(name, field.value);
    }
    try {
      const answer = await fetch(`${input.dataset.suggest}?${query}`, { signal: asked.signal });
      if (!answer.ok || answer.redirected) return;
      const found = await answer.text();
      // Who has gone on to the next field has no use for a list over it.
      if (isCombo && document.activeElement !== input) return close();
      into.innerHTML = found;
      if (isCombo) input.setAttribute("aria-expanded", String(into.childElementCount > 0 && document.activeElement === input));
    } catch {
      // Overtaken by the next letter, or the line is down: what stands there stays.
    }
  };
  const askSoon = later(160, ask);
  input.addEventListener("input", (event) => event.isComposing || askSoon());
  input.addEventListener("compositionend", askSoon);
  if (!isCombo) continue;

  const options = () => all("[role=option]", into);
  const choose = (option) => {
    input.value = option.dataset.value;
    for (const [name, value] of new URLSearchParams(option.dataset.fill ?? "")) {
      const field = input.form.elements[name];
      if (!field) continue;
      field.value = value;
      field.dispatchEvent?.(new Event("change", { bubbles: true }));
    }
    asked?.abort();
    close();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const point = (step) => {
    const list = options();
    const at = list.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const next = list[(at + step + list.length + (at < 0 && step < 0 ? 1 : 0)) % list.length];
    list.forEach((option, place) => {
      option.id ||= `${into.id}-${place}`;
      option.setAttribute("aria-selected", String(option === next));
    });
    if (!next) return;
    next.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", next.id);
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || !options().length) return;
    const pointed = options().find((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") point(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") choose(pointed ?? options()[0]);
    // Letters alone are the beginning of a name, not a name.
    else if (event.key === "Tab" && !event.shiftKey && /^[a-z ]+$/i.test(input.value)) return choose(pointed ?? options()[0]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  into.addEventListener("mousedown", (event) => event.preventDefault());
  into.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) choose(option);
  });
  input.addEventListener("blur", close);
}

// --- Small things: print, copy, shortcuts, the menu, minutes that pass. --------------------------------------------
document.addEventListener("click", async (event) => {
  const element = event.target.closest?.("[data-print], [data-copy]");
  if (element?.dataset.print !== undefined) print();
  if (element?.dataset.copy !== undefined) {
    await navigator.clipboard?.writeText(element.dataset.copy);
    if (element.dataset.copied) element.textContent = element.dataset.copied;
  }
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// data-key="n", "F2", "Alt+s", "Ctrl+Enter": a click, or the focus. Without a modifier not while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = one("details.menu[open]");
    if (menu) (menu.open = false), one("summary", menu).focus();
  }
  if (event.isComposing || event.repeat) return;
  // With Alt some keyboards type another letter; the key itself is meant.
  const letter = event.altKey && /^(Key|Digit)/.test(event.code) ? event.code.slice(-1).toLowerCase() : event.key;
  const key = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${letter}`;
  if (isTyping(event.target) && !key.includes("+") && !/^F\d+$/.test(key)) return;
  const element = all("[data-key]").find((element) => element.dataset.key === key);
  if (!element) return;
  event.preventDefault();
  if (isTyping(element)) element.focus();
  else element.click();
});

const ago = () => {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "narrow" });
  for (const element of all("time[data-ago]")) {
    const minutes = Math.round((new Date(element.dateTime) - Date.now()) / 60000);
    // The clock of this machine may be another than that of the house; then the hour stays.
    if (minutes > 0 || minutes <= -60) continue;
    element.title ||= element.textContent;
    element.textContent = words.format(minutes, "minute");
  }
};
// [data-hash="name"]: what stands behind # in the address is typed for the person and leaves the address.
for (const box of all("[data-hash]")) {
  const input = one("input", box);
  if (!input || location.hash.length < 2) continue;
  input.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}
ago();
setInterval(ago, 30000);
one(".error-summary")?.focus();

// --- Live: one line per browser, told to all its tabs; regions ask again for their piece of the page. ---------------
// [data-refresh="/path"]: its content is fetched anew when something happens, [data-refresh-on="case id"] only for that
// case. A region that somebody works in is left alone; [data-changed] says that there is something new.
const shown = new WeakMap();
const reload = async (region) => {
  if (region.dataset.busy) return (region.dataset.again = "yes");
  region.dataset.busy = "yes";
  try {
    const answer = await fetch(region.dataset.refresh, { headers: { accept: "text/html" } });
    if (answer.redirected) return;
    if (answer.ok) {
      const text = await answer.text();
      const isUsed = region.contains(document.activeElement) && document.activeElement !== document.body;
      const isOpen = one("details[open], input, textarea", region);
      if (isUsed || isOpen) one("[data-changed]")?.removeAttribute("hidden");
      else if (text !== shown.get(region)) {
        region.innerHTML = text;
        shown.set(region, text);
        ago();
      }
    }
  } catch {
    // The line is down; the light says so.
  } finally {
    delete region.dataset.busy;
    if (region.dataset.again) {
      delete region.dataset.again;
      soon(region);
    }
  }
};
const waiting = new WeakMap();
const asked = new WeakMap();
const began = Date.now();
// Not sooner than a moment after the first of many events, and not more often than every data-refresh-pause seconds.
const soon = (region) => {
  if (waiting.has(region)) return;
  const pause = 1000 * (region.dataset.refreshPause ?? 0);
  const wait = Math.max(250, (asked.get(region) ?? began) + pause - Date.now());
  const ask = () => {
    waiting.delete(region);
    asked.set(region, Date.now());
    reload(region);
  };
  waiting.set(region, setTimeout(ask, wait));
};
const happened = (caseId) => {
  for (const region of all("[data-refresh]")) {
    const on = region.dataset.refreshOn;
    if (!on || !caseId || on === caseId) soon(region);
  }
};
const light = (state) => {
  const lamp = one("[data-light]");
  if (!lamp || lamp.dataset.light === state) return;
  lamp.dataset.light = state;
  lamp.textContent = lamp.dataset[state] ?? "";
};

const path = document.body.dataset.live;
if (path) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("unstuck") : null;
  const heard = (message, isMine) => {
    if (isMine) channel?.postMessage(message);
    if (message.light) light(message.light);
    if (message.event) happened(message.event.case_id);
    if (message.missed) happened();
  };
  let state = "off";
  const tell = (next) => heard({ light: (state = next) }, true);
  if (channel) {
    channel.onmessage = ({ data }) => (data.asks ? state !== "off" && channel.postMessage({ light: state }) : heard(data));
    channel.postMessage({ asks: true });
  }

  // Reads a stream of events by fetch: an EventSource knows neither why a line ended nor that one is dead.
  let place = "";
  const listen = async () => {
    const control = new AbortController();
    // The house says its place every 15 seconds; who hears nothing for 40 has no line.
    const alive = later(40000, () => control.abort());
    alive();
    const headers = { accept: "text/event-stream", ...(place && { "last-event-id": place }) };
    try {
      const answer = await fetch(path, { headers, signal: control.signal, cache: "no-store" });
      if (answer.redirected) return 401;
      if (!answer.ok) return answer.status;
      // After a gap everything is asked for once: what happened meanwhile may be more than the house tells again.
      if (state === "away" || state === "polling") heard({ missed: true }, true);
      tell("live");
      let rest = "";
      let data = "";
      for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ; ) {
        const { value, done } = await reader.read();
        if (done) return 200;
        alive();
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (line.startsWith("id:")) place = line.slice(3).trim();
          else if (line.startsWith("data:")) data += line.slice(5);
          else if (line === "" && data) {
            heard({ event: JSON.parse(data) }, true);
            data = "";
          }
        }
      }
    } catch {
      return 0;
    } finally {
      control.abort();
    }
  };
  const lead = async () => {
    for (let failures = 0; ; ) {
      const status = await listen();
      // Signed out, or locked, elsewhere: the next click says so.
      if (status === 401 || status === 403) return tell("away");
      failures = status === 200 ? 0 : failures + 1;
      if (failures) tell(failures < 3 ? state : status ? "polling" : "away");
      // The house answers but does not feed: then the regions ask by themselves.
      if (failures >= 3 && status) heard({ missed: true }, true);
      await new Promise((done) => setTimeout(done, (failures < 3 ? 1000 : 5000) * (1 + Math.random())));
    }
  };
  // Without locks (a house without TLS) each tab has its own line.
  if (navigator.locks) navigator.locks.request("unstuck-live", lead);
  else lead();
}
