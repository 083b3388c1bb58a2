// Keeps a page up to date: each element with data-live follows server-sent events, and hears of each as a DOM event
// `live-KIND` whose detail is what the event carries. What changed is fetched again by htmx, as the page says.
"use strict";

(() => {
  const MOST_LOG = 256 * 1024;
  const PATIENCE_MS = 5000;
  const connection = document.getElementById("connection");
  const said = document.getElementById("said");
  let worried = 0;

  function tell(text) {
    clearTimeout(worried);
    worried = 0;
    connection.textContent = text;
    connection.hidden = !text;
  }

  function follow(place) {
    const source = new EventSource(place.dataset.live);
    source.onopen = () => tell("");
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        tell("This page is not kept up to date any more. Load it again; you may have to log in.");
      } else if (!worried) {
        worried = setTimeout(() => tell("The service does not answer; this page shows what it knew last."), PATIENCE_MS);
      }
    };
    source.onmessage = (message) => {
      const event = JSON.parse(message.data);
      if (event.kind === "away") {
        tell("Something that this page needs cannot be reached right now; it shows what it knew last.");
      } else if (event.kind !== "over") {
        tell("");
      }
      if (event.kind === "over") source.close();
      if (event.say) said.textContent = event.say;
      place.dispatchEvent(new CustomEvent(`live-${event.kind}`, { detail: event, bubbles: true }));
    };
  }

  document.addEventListener("live-log", ({ detail }) => {
    const log = document.getElementById("log");
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    let text = log.textContent + detail.text;
    if (detail.skipped || text.length > MOST_LOG) document.getElementById("skipped").hidden = false;
    if (detail.skipped) text = detail.text;
    log.textContent = text.slice(-MOST_LOG);
    if (atEnd) log.scrollTop = log.scrollHeight;
  });

  document.addEventListener("live-gone", () => {
    tell("This is kept no longer: it was deleted while the page was open.");
  });

  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  for (const place of document.querySelectorAll("[data-live]")) follow(place);
})();
