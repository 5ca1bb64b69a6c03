const toys = JSON.parse(document.getElementById("toy-data").textContent);
const status = document.getElementById("play-status");
const tabs = [...document.querySelectorAll("[data-model]")];
const digit = document.getElementById("digit");
const sheet = document.getElementById("sheet");
const sliders = document.getElementById("sliders");
const SIDE = 28, COLUMNS = 6, ROWS = 4, TILE = 30, REACH = 3;

let ort = null;
let model = null; // {toy, session, directions}
let z = null; // the latent of the digit that is shown
let scattered = []; // those of the sheet
let drawing = false;
let stale = false;

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const normal = (n) => Float32Array.from({ length: n }, () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));

async function start() {
  status.textContent = "Starting …";
  const runtime = JSON.parse(document.getElementById("runtime").textContent);
  const packed = new Blob([bytes(runtime.wasm)]).stream();
  const unpacked = packed.pipeThrough(new DecompressionStream("gzip"));
  const url = URL.createObjectURL(new Blob([bytes(runtime.code)], { type: "text/javascript" }));
  ort = await import(url);
  URL.revokeObjectURL(url);
  ort.env.wasm.wasmBinary = await new Response(unpacked).arrayBuffer();
  ort.env.wasm.numThreads = 1; // threads would need a server that sends isolation headers
}

async function choose(name) {
  ort ?? await start();
  const toy = toys[name];
  toy.session ??= await ort.InferenceSession.create(bytes(toy.onnx));
  toy.vectors ??= new Float32Array(bytes(toy.directions).buffer);
  model = toy;
  tabs.forEach((tab) => tab.setAttribute("aria-pressed", tab.dataset.model === name));
  document.getElementById("slider-words").textContent = toy.plain
    ? `Its ${toy.dimensions} latent dimensions:`
    : `It has ${toy.dimensions} latent dimensions; these are the ${toy.sliders} directions that its first layer answers to most. The others stay at the last random digit's.`;
  sliders.replaceChildren(...Array.from({ length: toy.sliders }, (_, k) => slider(k)));
  z = normal(toy.dimensions);
  await scatter();
  await moved();
  status.textContent = `${name} after epoch ${toy.epoch}.`;
}

function slider(k) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"),
    { type: "range", min: -REACH, max: REACH, step: 0.01 });
  input.addEventListener("input", () => {
    const change = Number(input.value) - along(k);
    z = z.map((value, i) => value + change * model.vectors[k * model.dimensions + i]);
    moved();
  });
  label.append(model.plain ? `z${k + 1}` : `d${k + 1}`, input, document.createElement("output"));
  return label;
}

const along = (k) => z.reduce(
  (sum, value, i) => sum + value * model.vectors[k * model.dimensions + i], 0);

// Images in [0, 1] of latents, as grey pixels
async function decode(latents) {
  const flat = new Float32Array(latents.length * model.dimensions);
  latents.forEach((latent, i) => flat.set(latent, i * model.dimensions));
  const input = new ort.Tensor("float32", flat, [latents.length, model.dimensions]);
  const { images } = await model.session.run({ latents: input });
  return images.data;
}

function paint(canvas, pixels, number, x, y) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const grey = 255 * pixels[number * SIDE * SIDE + i];
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(image, x, y);
}

// The sliders and the digit follow z; while one digit is computed only the newest waits.
async function moved() {
  [...sliders.children].forEach((label, k) => {
    label.querySelector("input").value = along(k);
    label.querySelector("output").value = along(k).toFixed(2);
  });
  stale = true;
  if (drawing) return;
  drawing = true;
  while (stale) {
    stale = false;
    paint(digit, await decode([z]), 0, 0, 0);
  }
  drawing = false;
}

async function scatter() {
  scattered = Array.from({ length: COLUMNS * ROWS }, () => normal(model.dimensions));
  const pixels = await decode(scattered);
  scattered.forEach((_, i) =>
    paint(sheet, pixels, i, TILE * (i % COLUMNS) + 1, TILE * Math.floor(i / COLUMNS) + 1));
}

const attempt = (action) => async (event) => {
  try {
    await action(event);
  } catch (error) {
    status.textContent = `It does not run in this browser: ${error.message}`;
    console.error(error);
  }
};
const whenReady = (action) => attempt((event) => model && action(event));

tabs.forEach((tab) => tab.addEventListener("click", attempt(() => choose(tab.dataset.model))));
document.getElementById("random").addEventListener("click", whenReady(() => {
  z = normal(model.dimensions);
  return moved();
}));
document.getElementById("origin").addEventListener("click", whenReady(() => {
  z = new Float32Array(model.dimensions);
  return moved();
}));
document.getElementById("random-sheet").addEventListener("click", whenReady(scatter));
sheet.addEventListener("click", whenReady((event) => {
  const { left, top, width, height } = sheet.getBoundingClientRect();
  const column = Math.floor((COLUMNS * (event.clientX - left)) / width);
  const row = Math.floor((ROWS * (event.clientY - top)) / height);
  z = scattered[Math.min(row, ROWS - 1) * COLUMNS + Math.min(column, COLUMNS - 1)];
  return moved();
}));

new IntersectionObserver((entries, observer) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  observer.disconnect();
  attempt(() => choose(document.getElementById("player").dataset.opening))();
}, { rootMargin: "200px" }).observe(document.getElementById("player"));
