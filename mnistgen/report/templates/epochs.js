"use strict";
// Printed, all details are open.
window.addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
});

(() => {
  const strips = JSON.parse(document.getElementById("epoch-data").textContent);
  const slider = document.getElementById("epoch");
  if (!slider) return;
  const images = [...document.querySelectorAll("[data-strip]")];
  const shown = document.getElementById("epoch-shown");
  const button = document.getElementById("epoch-run");

  // A model that trained for fewer epochs stays at its last, and says so.
  const show = () => {
    const epoch = Number(slider.value);
    shown.value = epoch;
    images.forEach((image) => {
      const { epochs, images: pictures } = strips[image.dataset.strip];
      const later = epochs.findIndex((other) => other > epoch);
      const at = Math.max(0, (later < 0 ? epochs.length : later) - 1);
      image.src = pictures[at];
      image.parentElement.querySelector("span").textContent = `epoch ${epochs[at]}`;
    });
  };
  slider.max = Math.max(...Object.values(strips).map(({ epochs }) => epochs.at(-1)));
  slider.value = slider.max;
  slider.addEventListener("input", show);

  let running = null;
  const stop = () => {
    clearInterval(running);
    running = null;
    button.textContent = "Run";
  };
  button.addEventListener("click", () => {
    if (running) return stop();
    if (slider.value === slider.max) slider.value = slider.min;
    button.textContent = "Stop";
    running = setInterval(() => {
      if (slider.value === slider.max) return stop();
      slider.value = Number(slider.value) + 1;
      show();
    }, 150);
  });
  show();
})();
