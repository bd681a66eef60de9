// The tree: only the rows in sight are elements, so that a run of many thousand spans scrolls like a small one.

const ROW = 26;
const tree = byId('tree');
const scroll = byId('scroll');
let shown = [];
let places = new Map();
const drawn = new Map();

function begun(row) {
  return state.at === null || row.start <= state.at;
}

function visibleRows() {
  const found = [];
  const stack = [state.rows[0]];
  while (stack.length) {
    const row = stack.pop();
    if (!begun(row)) continue;
    found.push(row);
    if (row.isOpen) for (let number = row.children.length - 1; number >= 0; number--) stack.push(row.children[number]);
  }
  return found;
}

function layOut() {
  shown = visibleRows();
  places = new Map(shown.map((row, place) => [row, place]));
  let selected = state.selected;
  while (selected && !places.has(selected) && selected.parent) selected = selected.parent;
  if (selected && selected !== state.selected && state.at === null) state.selected = selected;
  tree.style.height = `${shown.length * ROW}px`;
  drawRows(true);
}

function drawRows(isAfresh = false) {
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 8);
  const last = Math.min(shown.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + 8);
  const wanted = new Set(shown.slice(first, last));
  if (places.has(state.selected)) wanted.add(state.selected);
  for (const [row, element] of drawn) {
    if (isAfresh || !wanted.has(row)) {
      element.remove();
      drawn.delete(row);
    }
  }
  for (const row of [...wanted].sort((one, other) => places.get(one) - places.get(other))) {
    if (!drawn.has(row)) {
      const element = rowElement(row);
      drawn.set(row, element);
      tree.append(element);
    }
  }
  select();
  drawBars();
}

function select() {
  for (const [row, element] of drawn) element.setAttribute('aria-selected', String(row === state.selected));
  const element = drawn.get(state.selected);
  withAttributes(tree, { 'aria-activedescendant': element ? element.id : null });
}

function rowElement(row) {
  const place = places.get(row);
  const took = rowTook(row);
  const isOver = state.at === null || row.end <= state.at;
  const trouble = isOver ? row.trouble : '';
  const codes = isOver ? row.codes || [] : [];
  const isPath = !state.isPath || onPath(row);
  const isGone = state.change && row.nodes.some((each) => state.change.goneSet.has(each));
  const element = el('div', `row ${row.kind}${isPath ? '' : ' off-path'}${isGone ? ' gone' : ''}${matches.has(row) ? ' match' : ''}`);
  withAttributes(element, {
    id: `row-${row.place}`,
    role: 'treeitem',
    'aria-level': row.depth + 1,
    'aria-setsize': row.parent ? row.parent.children.length : 1,
    'aria-posinset': row.position,
    'aria-expanded': row.children.length ? String(row.isOpen) : null,
    'aria-label': [row.kind, row.title, row.aside, took, money(row.cost), isOver ? trouble : 'running', codes.join(' ')].filter(Boolean).join(', '),
  });
  element.style.top = `${place * ROW}px`;
  const twist = el('span', 'twist', row.children.length ? (row.isOpen ? '▾' : '▸') : '');
  const indent = el('span', '');
  indent.style.width = `${Math.min(row.depth, 16) * 13}px`;
  element.append(
    el(
      'span',
      'label',
      indent,
      twist,
      el('span', `mark ${row.kind}${row.hue >= 0 ? ` hue${row.hue}` : ''}`),
      row.inferred ? el('span', 'quiet', '~') : '',
      el('bdi', 'title', row.title),
      row.aside ? el('bdi', 'aside', row.aside) : '',
      trouble ? el('bdi', `trouble${row.isFailed ? ' error' : ''}`, row.isFailed ? `✗ ${trouble}` : trouble) : '',
      ...codes.map((code) => el('span', 'code', code)),
    ),
    el('span', 'number cost', money(row.group ? row.cost : totals(row.node).cost, !(row.node && row.node.costPartial))),
    el('span', 'number', took),
    el('span', ''),
  );
  twist.addEventListener('click', (event) => {
    event.stopPropagation();
    toggle(row);
  });
  element.addEventListener('click', () => choose(row));
  element.addEventListener('dblclick', () => toggle(row));
  return element;
}

function rowTook(row) {
  const end = state.at === null ? row.end : Math.min(row.end, Math.max(row.start, state.at));
  return duration(end - row.start);
}

function toggle(row, isOpen = !row.isOpen) {
  if (!row.children.length) return;
  row.isOpen = isOpen;
  layOut();
}

function choose(row, isFocused = false) {
  state.selected = row;
  const place = places.get(row);
  if (place !== undefined) {
    const top = place * ROW;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
  }
  drawRows();
  change({ selected: row });
  if (isFocused) tree.focus();
}

// Show and choose the row of a span, and open what it is folded into.
function goTo(place) {
  showView('timeline');
  let node = nodes[place];
  let row = null;
  while (node && !row) {
    row = rowOf(node.place);
    node = node.parent >= 0 ? nodes[node.parent] : null;
  }
  if (!row) return;
  for (let above = row.parent; above; above = above.parent) above.isOpen = true;
  if (state.at !== null && row.start > state.at) stopPlaying();
  layOut();
  choose(row, true);
}

let rowPlaces = null;
function rowOf(place) {
  if (!rowPlaces || rowPlaces.rows !== state.rows) {
    const found = new Map();
    for (const row of state.rows) for (const each of row.nodes) if (!found.has(each)) found.set(each, row);
    rowPlaces = { rows: state.rows, found };
  }
  return rowPlaces.found.get(place) || null;
}

function showEveryStep(isFull) {
  const node = state.selected.node || nodes[state.selected.group.members[0]];
  state.rows = isFull ? fullRows() : compactRows;
  state.selected = rowOf(node.place) || state.rows[0];
  matches.clear();
  layOut();
  choose(state.selected);
}

// ── search ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const matches = new Set();
let matched = [];
let hit = 0;

function textOf(row) {
  return `${row.title}\n${row.aside || ''}\n${row.trouble || ''}\n${(row.codes || []).join(' ')}`.toLowerCase();
}

function contentHas(place, query) {
  const call = data.calls[place];
  if (call && [...call.sent, ...call.received].some((block) => block.text.toLowerCase().includes(query))) return true;
  return (nodes[place].attributes || []).some(([, value]) => value.toLowerCase().includes(query));
}

function search(text) {
  const query = text.trim().toLowerCase();
  matches.clear();
  if (query) for (const row of state.rows) if (textOf(row).includes(query) || row.nodes.some((each) => contentHas(each, query))) matches.add(row);
  matched = [...matches];
  layOut();
  tellHits(query ? 0 : -1);
  if (matched.length) goToMatch(0);
}

function goToMatch(number) {
  if (!matched.length) return;
  const place = ((number % matched.length) + matched.length) % matched.length;
  hit = place;
  tellHits(place);
  const row = matched[place];
  for (let above = row.parent; above; above = above.parent) above.isOpen = true;
  layOut();
  choose(row);
}

function tellHits(place) {
  const text = place < 0 ? '' : matched.length ? `${place + 1} of ${matched.length}` : 'no match';
  byId('hits').textContent = text;
  if (text) say(text);
}

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

tree.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const row = state.selected;
  const place = places.get(row) ?? 0;
  const page = Math.max(1, Math.floor(scroll.clientHeight / ROW) - 1);
  const to = (number) => choose(shown[Math.max(0, Math.min(shown.length - 1, number))]);
  const actions = {
    ArrowDown: () => to(place + 1), j: () => to(place + 1), ArrowUp: () => to(place - 1), k: () => to(place - 1),
    PageDown: () => to(place + page), PageUp: () => to(place - page), Home: () => to(0), End: () => to(shown.length - 1),
    ArrowRight: () => (row.children.length && !row.isOpen ? toggle(row) : row.children.length ? to(place + 1) : null),
    ArrowLeft: () => (row.isOpen && row.children.length ? toggle(row) : row.parent ? choose(row.parent) : null),
    Enter: () => byId('detail').focus(),
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
});
scroll.addEventListener('scroll', () => drawRows(), { passive: true });
