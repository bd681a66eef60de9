// The page as a whole: its head, its views, its tools and its keys.

const VIEWS = [
  ['timeline', 'Timeline', () => {}],
  ['conversation', 'Conversation', showConversation],
  ['findings', 'Findings', showFindings],
  ['agents', 'Agents', showAgents],
];
const COUNTS = { conversation: data.run.calls, findings: data.findings.length, agents: data.agents.filter((row) => row.kind === 'agent').length };
const KEYS = [
  ['↑ ↓ j k', 'move'], ['← →', 'fold, unfold'], ['⏎', 'read the details'], ['esc', 'back to the tree'],
  ['1 … 4', 'the views'], ['/', 'search names and content'], ['n N', 'next, previous hit'], ['x', 'every span, or compact'],
  ['c', 'critical path'], ['w', 'as it could be'], ['+ − 0', 'zoom'], ['z', 'zoom to the span'],
  ['space', 'play, pause'], ['. ,', 'next, previous event'], ['] [', 'faster, slower'], ['?', 'this help'],
];

function makeHead() {
  const run = data.run;
  const pairs = [
    [duration(run.duration), 'time'],
    [String(run.agents), run.agents === 1 ? 'agent' : 'agents'],
    [String(run.calls), run.calls === 1 ? 'call' : 'calls'],
    [run.tokens[0] || run.tokens[1] ? tokensText(run.tokens) : '', 'tokens'],
    [money(run.cost, run.costComplete), 'cost'],
    [run.retries ? String(run.retries) : '', run.retries === 1 ? 'retry' : 'retries'],
    [String(data.findings.filter((each) => each.confidence !== 'possible').length), 'findings'],
  ];
  const list = el('dl', 'facts', ...pairs.filter(([value]) => value).map(([value, name]) => el('div', '', el('dt', '', name), el('dd', '', value))));
  const replay = run.replayOf ? `replay of ${run.replayOf.slice(0, 8)}${run.replay ? `, ${run.replay}` : ''}` : '';
  byId('head').append(
    el('div', 'title', el('h1', '', el('bdi', '', run.name)), el('span', `chip ${run.status}`, run.status), el('span', 'quiet', [`run ${run.id.slice(0, 8)}`, run.recorded, replay].filter(Boolean).join(' · '))),
    list,
    el('p', 'path-line', [run.pathLine, outside()].filter(Boolean).join(' · ')),
    ...run.notes.map((note) => el('p', 'note', note)),
    run.content !== 'full' ? el('p', 'note', `Recorded with TRACEKIT_CONTENT=${run.content}: the texts of requests and responses are not in this page.`) : '',
  );
}

// The time of the process before the first agent or call, and after the last end, which the bars leave out.
function outside() {
  const least = Math.max(1e7, (data.axis[1] - data.axis[0]) / 200);
  const parts = [[data.axis[0], 'start-up'], [data.run.duration - data.axis[1], 'after']];
  return parts.filter(([length]) => length >= least).map(([length, what]) => `+${duration(length)} ${what}`).join(', ');
}

function makeTabs() {
  VIEWS.forEach(([name, title], number) => {
    const tab = button(title, () => showView(name), { id: `tab-${name}`, role: 'tab', 'aria-controls': `view-${name}` });
    if (COUNTS[name] !== undefined) tab.append(el('span', 'count', String(COUNTS[name])));
    tab.addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const other = VIEWS[(number + by + VIEWS.length) % VIEWS.length][0];
      showView(other);
      byId(`tab-${other}`).focus();
    });
    byId('tabs').append(tab);
  });
}

const made = new Set();
let view = '';
function showView(name) {
  view = name;
  for (const [each, , show] of VIEWS) {
    byId(`view-${each}`).hidden = each !== name;
    withAttributes(byId(`tab-${each}`), { 'aria-selected': String(each === name), tabindex: each === name ? 0 : -1 });
    if (each === name && !made.has(each)) {
      made.add(each);
      show();
    }
  }
  if (name === 'timeline') redraw();
}

function redraw() {
  if (view !== 'timeline') return;
  layOut();
  drawMap();
}

const stepsButton = button('Every span', () => toggleSteps(), { 'aria-pressed': 'false', title: 'x' });
const pathButton = button('Critical path', () => togglePath(), { 'aria-pressed': 'false', title: 'c' });
const changeButton = button('As it could be', () => toggleChange(), { 'aria-pressed': 'false', title: 'w' });
const searchBox = withAttributes(el('input', ''), { type: 'search', placeholder: 'Search names and content', 'aria-label': 'Search names and content' });

function toggleSteps() {
  const isFull = state.rows === compactRows;
  showEveryStep(isFull);
  withAttributes(stepsButton, { 'aria-pressed': String(isFull) });
}

function togglePath() {
  state.isPath = !state.isPath;
  withAttributes(pathButton, { 'aria-pressed': String(state.isPath) });
  layOut();
}

function toggleChange() {
  if (data.changes.length) showChange(state.change ? null : 0);
}

function makeTools() {
  const hits = el('span', 'hits', '');
  hits.id = 'hits';
  let waiting = null;
  searchBox.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => search(searchBox.value), 150);
  });
  searchBox.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      clearTimeout(waiting);
      search(searchBox.value);
      tree.focus();
    }
  });
  const note = el('span', 'warning', '');
  onChange(() => {
    withAttributes(changeButton, { 'aria-pressed': String(Boolean(state.change)) });
    note.textContent = state.change ? `as it could be: ${duration(state.change.saved)} less` : '';
  });
  byId('tools').append(
    stepsButton, pathButton, data.changes.length ? changeButton : '', note, el('span', 'space'),
    hits, searchBox, button('−', () => zoom(1.5), { 'aria-label': 'Zoom out' }), button('+', () => zoom(1 / 1.5), { 'aria-label': 'Zoom in' }),
    button('Whole time', () => setWindow(...data.axis)), button('?', () => byId('help').showModal(), { 'aria-label': 'Keys' }),
  );
  const axis = el('span', '');
  axis.id = 'axis';
  axis.style.position = 'relative';
  axis.style.height = '16px';
  byId('columns').append(el('span', '', ''), el('span', 'number cost', 'cost'), el('span', 'number', 'time'), axis);
  byId('help').append(
    el('h2', '', 'Keys'),
    el('dl', '', ...KEYS.map(([keys, does]) => el('div', '', el('dt', '', ...keys.split(' ').flatMap((key) => [el('kbd', '', key), ' '])), el('dd', '', does)))),
    el('p', 'quiet', `Written by tracekit ${data.run.version}. This page is complete: it loads nothing and sends nothing.`),
    button('Close', () => byId('help').close()),
  );
}

const ACTIONS = {
  '/': () => { showView('timeline'); searchBox.focus(); searchBox.select(); },
  n: () => goToMatch(hit + 1), N: () => goToMatch(hit - 1),
  x: toggleSteps, c: togglePath, w: toggleChange, z: zoomToSelected,
  '+': () => zoom(1 / 1.5), '=': () => zoom(1 / 1.5), '-': () => zoom(1.5), 0: () => setWindow(...data.axis),
  ' ': togglePlaying, '.': () => step(1), ',': () => step(-1), ']': () => changeSpeed(1), '[': () => changeSpeed(-1),
  '?': () => byId('help').showModal(),
  Escape: () => { if (state.at !== null) stopPlaying(); if (state.change) showChange(null); tree.focus(); },
  1: () => showView('timeline'), 2: () => showView('conversation'), 3: () => showView('findings'), 4: () => showView('agents'),
};

document.addEventListener('keydown', (event) => {
  const target = event.target;
  const isTyping = target instanceof HTMLInputElement && target.type === 'search';
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  if (isTyping) {
    if (event.key === 'Escape') tree.focus();
    return;
  }
  if (target instanceof HTMLSelectElement) return;
  if (event.key === ' ' && (target instanceof HTMLButtonElement || target.tagName === 'SUMMARY')) return;
  if (view !== 'timeline' && !/^[1-4/?]$/.test(event.key)) return;
  const action = ACTIONS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

readColors();
peak = peakOf();
makeHead();
makeTabs();
makeTools();
makePlayer();
withAttributes(map, { 'aria-label': `The whole run: at most ${peak} calls and tools at once` });
onChange((values) => { if ('selected' in values) showDetail(); });
showView('timeline');
showDetail();
tree.focus({ preventScroll: true });
new ResizeObserver(redraw).observe(byId('scroll'));
window.addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColors(); redraw(); });
document.documentElement.dataset.ready = 'true';
