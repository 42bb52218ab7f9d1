// Keeps a live page up to date: the server sends each part as HTML that it has escaped.
"use strict";
(() => {
  const page = document.getElementById("live");
  if (!page) return;
  const told = document.getElementById("told");
  let ended = false;
  let pause = 250;

  const put = (part, html) => {
    const place = document.getElementById(`part-${part}`);
    if (!place) return;
    const log = place.querySelector(".log");
    const atEnd = !log || log.scrollTop + log.clientHeight > log.scrollHeight - 30;
    const top = log ? log.scrollTop : 0;
    const focused = place.contains(document.activeElement);
    place.innerHTML = html;
    const fresh = place.querySelector(".log");
    if (fresh) fresh.scrollTop = atEnd ? fresh.scrollHeight : top;
    if (focused) place.querySelector("[tabindex]")?.focus({ preventScroll: true });
    place.dataset.at = String(Date.now());
  };

  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/runs/${page.dataset.run}/live`);
    socket.addEventListener("message", (event) => {
      pause = 250;
      const { part, html } = JSON.parse(event.data);
      put(part, html);
    });
    socket.addEventListener("close", (event) => {
      if (event.code === 1000) {
        ended = true;
        location.reload(); // now it is the page of the result
      }
      if (ended) return;
      told.textContent = "The connection is lost; it is tried again.";
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, 5000);
    });
    socket.addEventListener("open", () => { told.textContent = ""; });
  };
  connect();

  for (const form of document.querySelectorAll("form.quiet")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new URLSearchParams(new FormData(form, event.submitter));
      const answer = await fetch(form.action, { method: "POST", body: data, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.ok) {
        told.textContent = `${data.get("action")} ${data.get("place") || "the run"}: done`;
      } else {
        const text = new DOMParser().parseFromString(await answer.text(), "text/html");
        told.textContent = text.querySelector("pre")?.textContent || `refused (${answer.status})`;
      }
    });
  }
})();
