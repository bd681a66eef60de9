// Elements and texts. Content is only ever set as text, never as markup.

function el(tag, classes, ...children) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  for (const child of children) if (child !== null && child !== undefined && child !== '') made.append(child);
  return made;
}

function withAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
  return element;
}

function button(text, action, attributes = {}) {
  const made = withAttributes(el('button', attributes.class || '', text), { type: 'button', ...attributes });
  made.addEventListener('click', action);
  return made;
}

const byId = (id) => document.getElementById(id);

function say(text) {
  byId('said').textContent = text;
}

function duration(ns) {
  const ms = ns / 1e6;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59950) return ms < 9995 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (number) => String(number).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`;
}

function amount(number) {
  if (number < 10000) return String(number);
  return number < 999500 ? `${(number / 1000).toFixed(1)}k` : `${(number / 1e6).toFixed(1)}M`;
}

function money(usd, isComplete = true) {
  if (usd === null || usd === undefined) return '';
  const digits = usd < 0.995 ? usd.toFixed(4) : usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${isComplete ? '' : '≥'}$${digits}`;
}

function tokensText(tokens) {
  if (!tokens) return '';
  const output = tokens[4] ? (tokens[1] ? `≥${amount(tokens[1])}` : '?') : amount(tokens[1]);
  return `${amount(tokens[0])} → ${output}`;
}

function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
