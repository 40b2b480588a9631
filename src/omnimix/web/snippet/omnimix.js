// Page views, clicks, campaigns and consent of a site's visitors, for the Segment HTTP API.
// Without consent to measurement nothing is stored and nothing is sent; what a device is like is never looked at.
// Comments, indentation and needless spaces are taken out when it is served.
(() => {
  const D = document, L = location, on = addEventListener, { dataset: data, src } = D.currentScript;
  const url = new URL("/v1/batch", data.host || src);
  const TCF = { measurement: [1, 8, 9], personalisation: [1, 5, 6], advertising: [1, 2, 3, 4, 7] };
  const gpc = navigator.globalPrivacyControl || undefined;
  const ID = "omnimix.id", USER = "omnimix.user", CHOICE = "omnimix.consent", EVENT = "omnimix.e.";
  let s = {}, tcf, last, wait = 1e3, busy, timer, from = D.referrer;
  // Storage may be off; then this page's memory has to do.
  try { s = localStorage } catch {}

  const now = () => new Date().toISOString();
  const random = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
  const said = () => JSON.parse(s[CHOICE] || 0);
  const may = p => !(gpc && p == "advertising") && !!(
    tcf ? TCF[p]?.every(n => tcf.purpose?.consents?.[n]) :
    window.__tcfapi && tcf !== null ? 0 :
    said() ? said()[p] : data.consent == "granted");
  const measured = () => may("measurement");

  const context = () => {
    const kept = new URLSearchParams(), consent = { gpc }, path = L.pathname;
    // Of the address only the campaign leaves the page, and which kind of ad was clicked.
    new URLSearchParams(L.search).forEach((value, name) =>
      /^(utm_\w+|\w+clk?id|[gw]braid|li_fat_id)$/.test(name) && kept.set(name, /^utm/.test(name) || may("advertising") ? value : 1));
    if (tcf) consent.tcf = tcf.tcString;
    else if (said()) {
      const { at, ...choice } = said();
      for (const p in choice) choice[p] = may(p);
      consent.categoryPreferences = choice;
      consent.decidedAt = at;
    }
    return {
      consent, library: { name: "omnimix.js" }, locale: navigator.language,
      device: { type: /Mobi/.test(navigator.userAgent) ? "mobile" : "desktop" },
      page: { path, referrer: from.replace(/(\w)\/.*/, "$1"), url: L.origin + path + "?" + kept },
    };
  };

  const drop = keys => keys.map(key => delete s[key]);
  const queue = () => Object.keys(s).filter(key => key.startsWith(EVENT));
  const put = (type, more, always) => {
    if (!always && !measured()) return;
    const messageId = random(), anonymousId = s[ID] ||= random();
    const event = { type, messageId, anonymousId, userId: s[USER], timestamp: now(), context: context(), ...more };
    try { s[EVENT + messageId] = JSON.stringify(event) } catch {}
    timer ||= setTimeout(flush, 200);
  };
  const flush = leaving => {
    let keys = [], batch = [], size = 0;
    timer = clearTimeout(timer);
    for (const key of queue()) {
      const event = JSON.parse(s[key]);
      // After six days the collector may no longer know that it has the event.
      if (new Date() - new Date(event.timestamp) > 5e8) delete s[key];
      else if ((size += s[key].length) < 4e4 || !keys[0]) keys.push(key) && batch.push(event);
    }
    if (!keys[0] || busy && !leaving) return;
    const body = JSON.stringify({ batch, sentAt: now(), writeKey: data.key });
    // Nobody hears whether a beacon arrived: the next page sends the same events again, known by their ids.
    if (leaving) return navigator.sendBeacon(url, body);
    busy = 1;
    fetch(url, { method: "POST", body, keepalive: true, credentials: "omit" }).then(({ status }) => {
      busy = 0;
      if (/408|429|5../.test(status)) throw status;
      drop(keys);
      wait = 1e3;
      flush();
    }).catch(() => {
      busy = 0;
      timer = setTimeout(flush, wait = Math.min(2 * wait, 6e4));
    });
  };

  const track = (event, properties) => put("track", { event, properties });
  const page = () => {
    const here = L.href.split("#")[0];
    if (here == last || D.prerendering || !measured()) return;
    last = here;
    put("page");
    if (/omnimix-hidden/.test(here)) track("Hidden Link Clicked");
    from = "";
  };
  // A change of mind is told; after a no to measurement that is the last word, and then all is forgotten.
  const decide = change => {
    const before = measured();
    change();
    const after = measured();
    if (!after) drop(queue());
    if (before || after) put("identify", {}, 1);
    if (!after) drop([ID, USER]);
    page();
  };

  window.omnimix = {
    page, track, allows: may,
    identify: (userId, traits) => measured() && put("identify", { userId: s[USER] = userId, traits }),
    consent: choice => decide(() => s[CHOICE] = JSON.stringify({ ...said(), ...choice, at: now() })),
  };
  window.__tcfapi?.("addEventListener", 2, (found, ok) =>
    ok && decide(() => tcf = found.gdprApplies === false ? null : found));

  on("click", ({ target }) => {
    const at = target.closest("[data-omnimix-event],[data-omnimix-product],a[href]");
    const { omnimixEvent: event, omnimixProduct: product_id } = at?.dataset || {};
    if (event || product_id) track(event || "Product Clicked", { product_id });
    else if (at?.host && at.host != L.host) track("Outbound Link Clicked", { host: at.host });
  }, true);
  for (const name of ["pushState", "replaceState"]) {
    const before = history[name];
    history[name] = (...given) => { before.apply(history, given); page() };
  }
  on("popstate", page);
  on("online", () => flush());
  on("pagehide", () => flush(1));
  D.addEventListener("prerenderingchange", page);

  // People cannot see this link; robots follow it.
  const trap = Object.assign(D.createElement("a"), { href: "?omnimix-hidden", rel: "nofollow", hidden: true });
  on("load", () => D.body.append(trap));
  page();
  flush();
})();
