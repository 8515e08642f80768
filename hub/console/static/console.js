/* Keys for deciding, and help. Everything here has a plain form or link behind it that works without it. */
(() => {
  "use strict";
  document.documentElement.classList.add("js");
  const find = (selector, within = document) => within.querySelector(selector);
  const STORE = "lianqiao-keys";
  const VERDICTS = { s: "same", d: "different", f: "defer" };

  const remembered = () => { try { return localStorage.getItem(STORE); } catch { return null; } };
  const remember = (value) => { try { localStorage.setItem(STORE, value); } catch { /* private windows keep nothing */ } };
  const keysOn = () => remembered() !== "off";

  const writing = (element) => element instanceof HTMLElement
    && (element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName)
      || (element.tagName === "INPUT" && !/^(radio|checkbox)$/.test(element.type)));

  const chosen = (form) => find('input[name="verdict"]:checked', form)?.value;
  const reasons = (form, verdict) => [...form.querySelectorAll(`input[name="reason_${verdict}"]`)];

  /* What is missing, and where: [message, element], or nothing. */
  function missing(form) {
    const verdict = chosen(form);
    if (!verdict) return [form.dataset.noVerdict, find('input[name="verdict"]', form)];
    const list = reasons(form, verdict);
    const reason = list.find((input) => input.checked);
    if (!reason) return [form.dataset.noReason, list[0]];
    const note = find("textarea", form);
    if (reason.value === "other" && !note.value.trim()) return [form.dataset.noNote, note];
    return null;
  }

  function say(form, text) { find("#fault", form).textContent = text; }

  function confirm(form) {
    const fault = missing(form);
    if (fault) { say(form, fault[0]); fault[1].focus(); return; }
    form.requestSubmit();
  }

  function press(form, key) {
    if (VERDICTS[key]) {
      const input = find(`input[value="${VERDICTS[key]}"]`, form);
      input.checked = true;
      input.focus();
      say(form, "");
      return true;
    }
    if (/^[1-9]$/.test(key)) {
      const verdict = chosen(form);
      const input = verdict && reasons(form, verdict)[Number(key) - 1];
      if (!input) return false;
      input.checked = true;
      say(form, "");
      (input.value === "other" ? find("textarea", form) : input).focus();
      return true;
    }
    return false;
  }

  function walk(selector) {
    const link = find(selector);
    if (!link) return false;
    if (link.tagName === "FORM") link.requestSubmit(); else link.click();
    return true;
  }

  /* In a list: to the next row, or the one before. */
  function step(by) {
    const rows = [...document.querySelectorAll("a.row")];
    if (!rows.length) return false;
    const at = rows.indexOf(document.activeElement);
    rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
    return true;
  }

  /* To the button, not through it: an approval is confirmed by Enter. */
  function aim(selector) {
    const button = find(selector);
    if (button) button.focus();
    return Boolean(button);
  }

  function showHelp() {
    const dialog = find("#help");
    if (!dialog || dialog.open) return false;
    find("#keys-on").checked = keysOn();
    dialog.showModal();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const form = find("#decide");
    if (form && event.key === "Enter" && event.ctrlKey && event.target === find("textarea", form)) {
      event.preventDefault();
      confirm(form);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || writing(event.target) || find("dialog[open]")) return;
    if (form && event.key === "Enter" && (event.target === document.body || event.target.id === "main" || form.contains(event.target))) {
      event.preventDefault();
      confirm(form);
      return;
    }
    if (!keysOn()) return;
    const key = event.key.toLowerCase();
    const done = (form && press(form, key)) || (/^[sdf]$/.test(key) && aim(`#judge-${key}`))
      || (key === "a" && aim("#approve")) || (key === "t" && walk("#take"))
      || (key === "u" && walk("#undo")) || (key === "j" && (walk("#following") || step(1))) || (key === "k" && (walk("#previous") || step(-1)))
      || (key === "?" && showHelp());
    if (done) event.preventDefault();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.id === "decide") {
      const fault = missing(form);
      if (fault) { event.preventDefault(); say(form, fault[0]); fault[1].focus(); return; }
    }
    /* Twice pressed is once meant. */
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    }
  });
  /* A page that comes back from the browser's memory can be sent again. */
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  document.addEventListener("click", (event) => { if (event.target.closest("#show-help")) showHelp(); });
  document.addEventListener("change", (event) => {
    if (event.target.id === "keys-on") remember(event.target.checked ? "on" : "off");
    if (event.target.closest("#decide")) say(event.target.closest("#decide"), "");
  });
})();
