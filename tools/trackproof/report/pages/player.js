// Plays a meeting and follows it in the transcript; used by reports and by the console.
"use strict";
(() => {
  const player = document.getElementById("player");
  const transcript = document.getElementById("words");
  if (!player || !transcript) return;
  const words = [...transcript.querySelectorAll("[data-s]")];
  const starts = words.map((word) => Number(word.dataset.s));
  const source = document.getElementById("source");
  const follow = document.getElementById("follow");
  const cursor = document.getElementById("cursor");
  const wave = document.getElementById("wave");
  let current = -1;

  const option = () => (source ? source.selectedOptions[0] : null);
  const offset = () => Number(option()?.dataset.offset || 0);
  const now = () => player.currentTime + offset();

  const at = (time) => { // the last word that has begun
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= time + 0.01) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const show = () => {
    const time = now();
    const index = at(time);
    if (cursor && wave) {
      const x = (1000 * time) / Number(wave.dataset.seconds || 1);
      cursor.setAttribute("x1", x.toFixed(1));
      cursor.setAttribute("x2", x.toFixed(1));
    }
    if (index === current) return;
    words[current]?.classList.remove("now");
    current = index;
    const word = words[index];
    if (!word) return;
    word.classList.add("now");
    if (follow?.checked && !player.paused) word.scrollIntoView({ block: "nearest" });
  };
  const loop = () => {
    show();
    if (!player.paused) requestAnimationFrame(loop);
  };
  const go = (time) => {
    player.currentTime = Math.max(0, time - offset());
    player.play().catch(() => {});
  };

  player.addEventListener("play", loop);
  player.addEventListener("seeked", show);
  player.addEventListener("timeupdate", show);
  transcript.addEventListener("click", (event) => {
    const word = event.target.closest("[data-s]");
    if (word) go(Number(word.dataset.s));
  });
  transcript.addEventListener("keydown", (event) => {
    if (event.target !== transcript) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const index = Math.min(Math.max(current + step, 0), words.length - 1);
      player.currentTime = Math.max(0, starts[index] - offset());
      words[index]?.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (event.key === "Enter" || event.key === " ") {
      if (player.paused) player.play().catch(() => {}); else player.pause();
      event.preventDefault();
    }
  });
  wave?.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width) * Number(wave.dataset.seconds));
  });
  source?.addEventListener("change", () => {
    const time = now();
    player.src = option().value;
    player.currentTime = Math.max(0, time - offset());
  });
})();
