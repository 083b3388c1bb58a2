// Keeps a page up to date: each element with data-live follows server-sent events, and hears of each as a DOM event
// `live-KIND` whose detail is what the event carries. What changed is fetched again by htmx, as the page says.
// A tab that nobody sees follows nothing: browsers have few connections for one host.
"use strict";

(() => {
  const MOST_LOG = 256 * 1024;
  const PATIENCE_MS = 5000;
  const MOST_TRIES = 60;
  const connection = document.getElementById("connection");
  const said = document.getElementById("said");
  let worried = 0;

  function tell(text) {
    clearTimeout(worried);
    worried = 0;
    connection.textContent = text;
    connection.hidden = !text;
  }

  class Follower {
    constructor(place) {
      this.place = place;
      this.address = new URL(place.dataset.live, location.href);
      this.over = false;
      this.tries = 0;
      document.addEventListener("visibilitychange", () => this.look());
      this.look();
    }

    look() {
      const wanted = !document.hidden && !this.over;
      if (wanted && !this.source) this.open();
      if (!wanted && this.source) this.close();
    }

    close() {
      this.source.close();
      this.source = null;
    }

    open() {
      this.source = new EventSource(this.address);
      this.source.onopen = () => {
        this.tries = 0;
        tell("");
      };
      this.source.onerror = () => this.worry();
      this.source.onmessage = (message) => this.hear(message);
    }

    worry() {
      if (!worried) {
        worried = setTimeout(() => tell("The service does not answer; this page shows what it knew last."), PATIENCE_MS);
      }
      if (this.source.readyState !== EventSource.CLOSED) return;
      // The browser has given up: it was told to go away, by the service or by a proxy before it.
      this.close();
      this.ask();
    }

    async ask() {
      const answer = await fetch(this.address, { method: "HEAD" }).catch(() => ({ status: 0 }));
      this.tries += 1;
      if (answer.status === 401) {
        this.over = true;
        tell("Your log-in has ended, so this page is not kept up to date any more: load it again to log in.");
      } else if (this.tries > MOST_TRIES) {
        tell("This page is not kept up to date any more: load it again.");
      } else {
        setTimeout(() => this.look(), PATIENCE_MS);
      }
    }

    hear(message) {
      const event = JSON.parse(message.data);
      if (message.lastEventId) this.address.searchParams.set("from", message.lastEventId);
      if (event.kind === "over") {
        this.over = true;
        this.look();
        return;
      }
      tell(event.kind === "away" ? "Something that this page needs cannot be reached; it shows what it knew last." : "");
      if (event.say && said.textContent !== event.say) said.textContent = event.say;
      this.place.dispatchEvent(new CustomEvent(`live-${event.kind}`, { detail: event, bubbles: true }));
    }
  }

  document.addEventListener("live-log", ({ detail }) => {
    const log = document.getElementById("log");
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const text = detail.skipped ? detail.text : log.textContent + detail.text;
    if (detail.skipped || text.length > MOST_LOG) document.getElementById("skipped").hidden = false;
    log.textContent = text.slice(-MOST_LOG);
    if (atEnd) log.scrollTop = log.scrollHeight;
  });

  function tellGone() {
    tell("This is kept no longer: it was deleted while the page was open.");
  }

  document.addEventListener("live-gone", tellGone);
  // What has changed may be deleted before the page has fetched it.
  document.addEventListener("htmx:response:error", ({ detail }) => {
    if (detail.ctx.response.status === 404) tellGone();
  });

  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  for (const place of document.querySelectorAll("[data-live]")) new Follower(place);
})();
