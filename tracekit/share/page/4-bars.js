// The bars beside the tree, the axis above them, and the map of the whole run: drawn on canvases.

const bars = byId('bars');
const map = byId('map');
const colors = {};
const LEAST_TICK = 54;

function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['text', 'quiet', 'line', 'grid', 'soft', 'panel', 'accent', 'error', 'warning', 'path', 'good']) {
    colors[name] = style.getPropertyValue(`--${name}`).trim();
  }
  colors.hues = Array.from({ length: HUES }, (_, number) => style.getPropertyValue(`--hue${number}`).trim());
}

function hueOf(hue) {
  return hue >= 0 ? colors.hues[hue] : colors.quiet;
}

function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// Round steps of time: of nanoseconds to seconds by 1, 2 and 5, then of minutes and hours.
function stepFor(length, width, least) {
  const wanted = (length * least) / Math.max(1, width);
  for (let power = 1; power <= 1e9; power *= 10) for (const digit of [1, 2, 5]) if (digit * power >= wanted) return digit * power;
  for (const seconds of [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200]) if (seconds * 1e9 >= wanted) return seconds * 1e9;
  return Math.ceil(wanted / 86400e9) * 86400e9;
}

function ticks(width, least) {
  const [start, end] = state.window;
  const step = stepFor(end - start, width, least);
  const origin = data.axis[0];
  const found = [];
  for (let at = origin + Math.ceil((start - origin) / step) * step; at <= end; at += step) found.push(at);
  return { step, found };
}

function tickText(at, step) {
  const ns = at - data.axis[0];
  if (ns === 0) return '0';
  if (step >= 60e9) return duration(ns);
  const unit = step >= 1e8 ? [1e9, 's', step >= 1e9 ? 0 : 1] : step >= 1e5 ? [1e6, 'ms', step >= 1e6 ? 0 : 1] : step >= 1e3 ? [1e3, 'µs', 0] : [1, 'ns', 0];
  return `${(ns / unit[0]).toFixed(unit[2])} ${unit[1]}`;
}

// The parts of the critical path, by the place of the span that decided them.
const steps = [...data.path].sort((one, other) => one[0] - other[0]);

function firstStep(place) {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle][0] < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

function stepsBelow(node) {
  return steps.slice(firstStep(node.place), firstStep(node.last + 1));
}

function stepsOf(node) {
  return steps.slice(firstStep(node.place), firstStep(node.place + 1));
}

function onPath(row) {
  const within = row.group ? row.group.members.map((member) => nodes[member]) : [row.node];
  return within.some((node) => firstStep(node.last + 1) > firstStep(node.place));
}

let area = { left: 0, width: 0 };

function drawBars() {
  const sample = drawn.get(state.selected) || drawn.values().next().value;
  if (!sample) return;
  const cell = sample.lastElementChild;
  area = { left: cell.offsetLeft, width: Math.max(10, cell.offsetWidth) };
  bars.style.left = `${area.left}px`;
  bars.style.top = `${scroll.scrollTop}px`;
  const height = Math.min(scroll.clientHeight, Math.max(ROW, shown.length * ROW - scroll.scrollTop));
  const context = sized(bars, area.width, height);
  const [start, end] = state.window;
  const x = (at) => ((at - start) / (end - start)) * area.width;
  context.fillStyle = colors.grid;
  for (const at of ticks(area.width, LEAST_TICK).found) context.fillRect(Math.round(x(at)), 0, 1, height);
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW));
  const last = Math.min(shown.length, Math.ceil((scroll.scrollTop + height) / ROW));
  for (let place = first; place < last; place++) drawRow(context, shown[place], place * ROW - scroll.scrollTop, x);
  if (state.at !== null) {
    context.fillStyle = colors.accent;
    context.fillRect(Math.round(x(state.at)), 0, 1.5, height);
  }
  drawAxis();
}

function drawRow(context, row, top, x) {
  const changed = state.change;
  const time = (node) => (changed && changed.moved[node.place] ? changed.moved[node.place] : [node.start, node.end]);
  const put = (from, to, y, height, color, alpha = 1) => {
    const until = state.at === null ? to : Math.min(to, state.at);
    if (until < from) return;
    const left = Math.max(-4, x(from));
    const right = Math.min(area.width + 4, x(until));
    if (right < 0 || left > area.width) return;
    context.globalAlpha = alpha;
    context.fillStyle = color;
    context.beginPath();
    context.roundRect(left, top + y, Math.max(2, right - left), height, Math.min(3, height / 2));
    context.fill();
    context.globalAlpha = 1;
  };
  const color = hueOf(row.hue);
  if (row.group) {
    const most = row.group.members.slice(0, 3000);
    for (const member of most) {
      const [from, to] = time(nodes[member]);
      put(from, to, 8, 10, color, Math.max(0.25, Math.min(0.6, 4 / most.length)));
    }
    return;
  }
  const outer = row.node;
  if (changed && (changed.moved[outer.place] || changed.goneSet.has(outer.place))) ghost(context, outer, top, x);
  if (changed && changed.goneSet.has(outer.place)) return;
  const [from, to] = time(outer);
  if (row.kind === 'llm') drawCall(put, row.node, time, color, 6, 14);
  else if (row.kind === 'tool' && row.nodes.length === 1) put(from, to, 9, 8, color, 0.55);
  else if (row.kind === 'attempt') put(from, to, 8, 10, outer.status === 'error' ? colors.error : color, 0.8);
  else {
    put(from, to, 12, 2, color, 0.75);
    for (const call of segments(row)) drawCall(put, call, time, color, 7, 12);
  }
  if (outer.status === 'interrupted' || outer.status === 'open') sign(context, outer.status === 'open' ? '▸' : '×', x(to), top);
  if (state.isPath) {
    const isUnfolded = row.isOpen && row.children.length;
    const stretches = isUnfolded ? row.nodes.flatMap((each) => stepsOf(nodes[each])) : stepsBelow(outer);
    for (const [, begin, finish] of stretches) if (x(finish) - x(begin) > 0.7) put(begin, finish, 21, 3, colors.path);
  }
}

// The calls that the bar of a row shows: its own, and where it is folded also those below.
const segmentsOf = new Map();
function segments(row) {
  if (row.kind === 'run') return [];
  if (!segmentsOf.has(row)) segmentsOf.set(row, callsBelow(nodes[row.nodes[row.nodes.length - 1]], true));
  const calls = segmentsOf.get(row);
  return row.isOpen && row.kind !== 'agent' && row.children.length ? [] : calls.filter((call) => !row.isOpen || call.agent === row.named.agent);
}

function drawCall(put, call, time, color, y, height) {
  const [from, to] = time(call);
  const attempts = call.children.filter((child) => child.kind === 'attempt');
  if (attempts.length < 2) {
    put(from, to, y, height, call.status === 'error' ? colors.error : color, 0.92);
    return;
  }
  put(from, to, y + 4, height - 8, colors.warning, 0.5);
  const shift = from - call.start;
  const stretch = (to - from) / Math.max(1, call.end - call.start);
  for (const attempt of attempts) {
    const begin = call.start + shift + (attempt.start - call.start) * stretch;
    put(begin, begin + (attempt.end - attempt.start) * stretch, y, height, attempt.status === 'error' ? colors.error : color, 0.92);
  }
}

function ghost(context, node, top, x) {
  context.strokeStyle = colors.quiet;
  context.setLineDash([3, 3]);
  context.strokeRect(x(node.start) + 0.5, top + 4.5, Math.max(3, x(node.end) - x(node.start)), 17);
  context.setLineDash([]);
}

function sign(context, text, at, top) {
  context.fillStyle = colors.warning;
  context.font = '12px sans-serif';
  context.fillText(text, Math.min(area.width - 8, at + 2), top + 17);
}

function drawAxis() {
  const axis = byId('axis');
  if (!axis) return;
  const { step, found } = ticks(area.width, LEAST_TICK);
  const [start, end] = state.window;
  axis.replaceChildren(
    ...found.map((at) => {
      const left = ((at - start) / (end - start)) * area.width;
      const label = el('span', '', tickText(at, step));
      if (left > area.width - 34) return '';
      label.style.position = 'absolute';
      label.style.left = `${left + 3}px`;
      return label;
    }),
  );
}

// ── the map ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const busy = nodes.filter((node) => node.kind === 'llm' || (node.kind === 'tool' && !node.children.length));
const failures = nodes.filter((node) => node.status === 'error' && (node.kind === 'attempt' || node.kind === 'tool'));
let peak = 0;

const countsBy = new Map();

function concurrency(width) {
  if (!countsBy.has(width)) countsBy.set(width, countedOn(width));
  return countsBy.get(width);
}

function countedOn(width) {
  const [start, end] = data.axis;
  const steps = new Int32Array(width + 2);
  for (const node of busy) {
    const from = Math.max(0, Math.round(((node.start - start) / (end - start)) * width));
    const to = Math.min(width, Math.max(from + 1, Math.round(((node.end - start) / (end - start)) * width)));
    steps[from] += 1;
    steps[to] -= 1;
  }
  const counts = [];
  let sum = 0;
  for (let column = 0; column < width; column++) counts.push((sum += steps[column]));
  return counts;
}

// The most that was at work at once, exactly: ends count before begins of the same moment.
function peakOf() {
  const changes = busy.flatMap((node) => (node.end > node.start ? [[node.start, 1], [node.end, -1]] : []));
  changes.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  let sum = 0;
  let most = 0;
  for (const [, step] of changes) most = Math.max(most, (sum += step));
  return most;
}

function drawMap() {
  const width = Math.max(50, map.parentElement.clientWidth - 40);
  const height = 46;
  const context = sized(map, width, height);
  context.fillStyle = colors.soft;
  context.fillRect(0, 0, width, height);
  const counts = concurrency(Math.floor(width));
  const most = Math.max(1, ...counts);
  context.fillStyle = colors.accent;
  context.globalAlpha = 0.55;
  counts.forEach((count, column) => context.fillRect(column, height - 2 - (count / most) * (height - 16), 1, (count / most) * (height - 16)));
  context.globalAlpha = 1;
  const [start, end] = data.axis;
  const x = (at) => ((at - start) / (end - start)) * width;
  for (const node of failures) {
    context.fillStyle = node.kind === 'attempt' && nodes[node.parent].status !== 'error' ? colors.warning : colors.error;
    context.fillRect(x(node.end) - 1, 3, 2, 7);
  }
  context.fillStyle = colors.quiet;
  context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  context.fillText(`peak ${peak}`, 6, 13);
  const [from, to] = state.window;
  if (from > start || to < end) {
    context.fillStyle = colors.panel;
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, x(from), height);
    context.fillRect(x(to), 0, width - x(to), height);
    context.globalAlpha = 1;
    context.strokeStyle = colors.accent;
    context.strokeRect(x(from) + 0.5, 0.5, Math.max(2, x(to) - x(from)) - 1, height - 1);
  }
  if (state.at !== null) {
    context.fillStyle = colors.accent;
    context.fillRect(x(state.at), 0, 1.5, height);
  }
}

function zoom(factor, around = null) {
  const [start, end] = state.window;
  const center = around ?? (start + end) / 2;
  const length = Math.min(data.axis[1] - data.axis[0], Math.max(1000, (end - start) * factor));
  let from = center - ((center - start) / (end - start)) * length;
  from = Math.max(data.axis[0], Math.min(data.axis[1] - length, from));
  setWindow(from, from + length);
}

function setWindow(from, to) {
  state.window = [from, to];
  drawBars();
  drawMap();
}

function zoomToSelected() {
  const row = state.selected;
  const margin = Math.max(1000, (row.end - row.start) * 0.05);
  setWindow(Math.max(data.axis[0], row.start - margin), Math.min(data.axis[1], row.end + margin));
}

let dragged = null;
map.addEventListener('pointerdown', (event) => {
  dragged = mapTime(event);
  map.setPointerCapture(event.pointerId);
});
map.addEventListener('pointermove', (event) => {
  if (dragged === null) return;
  const at = mapTime(event);
  if (Math.abs(at - dragged) > (data.axis[1] - data.axis[0]) / 200) setWindow(Math.min(at, dragged), Math.max(at, dragged));
});
map.addEventListener('pointerup', (event) => {
  const at = mapTime(event);
  const isClick = Math.abs(at - dragged) <= (data.axis[1] - data.axis[0]) / 200;
  dragged = null;
  if (isClick) state.at === null ? setWindow(...data.axis) : seek(at);
});

function mapTime(event) {
  const box = map.getBoundingClientRect();
  const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  return data.axis[0] + share * (data.axis[1] - data.axis[0]);
}

scroll.addEventListener(
  'wheel',
  (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const box = bars.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / Math.max(1, box.width)));
    zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, state.window[0] + share * (state.window[1] - state.window[0]));
  },
  { passive: false },
);
