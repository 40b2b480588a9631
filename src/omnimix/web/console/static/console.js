// Keys, counters and the state of a form under way. Everything also works without this script.
"use strict";
const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "?") return document.getElementById("keys")?.showModal();
  const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.tagName === "DETAILS") {
    target.open = true;
    target.scrollIntoView({ block: "nearest" });
    target.querySelector("textarea, input:not([type=hidden])")?.focus();
  } else target.click();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) document.getElementById("keys")?.showModal();
});

// A form is sent once, and says that it is under way.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.method === "dialog" || !button) return;
  setTimeout(() => {
    button.disabled = true;
    if (event.target.dataset.busy) button.textContent = event.target.dataset.busy;
  });
});
window.addEventListener("pageshow", () => document.querySelectorAll("button[disabled]").forEach((b) => { b.disabled = false; }));

// Lines that are wider than a channel takes; wide characters count two, as they do there.
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const columns = (text) => [...text].reduce((sum, sign) => sum + (wide.test(sign) ? 2 : 1), 0);
document.querySelectorAll("[data-most]").forEach((field) => {
  const most = Number(field.dataset.most);
  const note = document.createElement("span");
  note.className = "count";
  note.setAttribute("aria-live", "polite");
  field.after(note);
  const look = () => {
    const lines = field.tagName === "TEXTAREA" ? field.value.split("\n") : [field.value];
    const over = lines.flatMap((line, i) => (columns(line.trim()) > most ? [`line ${i + 1}: ${columns(line.trim())} of ${most}`] : []));
    note.textContent = over.join(", ");
    field.classList.toggle("over", over.length > 0);
  };
  field.addEventListener("input", look);
  look();
});
