// The selected span: its facts, its conversation as far as it had come at the moment of playback, its attributes.

const detail = byId('detail');
const FIRST_CHARACTERS = 12000;
const FIRST_CALLS = 12;
const PLAYED_CALLS = 3;

function facts(pairs) {
  const list = el('dl', 'grid');
  for (const [name, value] of pairs) if (value) list.append(el('dt', '', name), el('dd', 'value', value));
  return list;
}

let shownDetail = '';

// What the pane depends on: in playback, the totals, and how much of the first calls had arrived.
function detailKey(row) {
  if (state.at === null || row.group) return '';
  const calls = callsOf(row).filter((call) => call.start <= state.at).sort((one, other) => one.start - other.start).slice(-PLAYED_CALLS);
  const grown = calls.map((call) => (call.end <= state.at ? 'whole' : String(stepOf(data.calls[call.place]))));
  return [row.place, state.rows.length, row.end <= state.at, totals(row.node).cost, ...grown].join(' ');
}

function callsOf(row) {
  const call = row.nodes.map((each) => nodes[each]).find((each) => each.kind === 'llm');
  const node = row.named;
  return call ? [call] : ['run', 'agent', 'turn'].includes(node.kind) ? callsBelow(node, node.kind === 'run') : [];
}

function showDetail(isPlaying = false) {
  const row = state.selected;
  const key = detailKey(row);
  if (isPlaying && key === shownDetail) return;
  shownDetail = key;
  if (row.group) {
    showGroup(row);
    return;
  }
  const node = row.named;
  const call = row.nodes.map((each) => nodes[each]).find((each) => each.kind === 'llm') || null;
  const parts = [el('h2', '', el('bdi', '', row.title)), facts(factsOf(row, node, call))];
  if (node.error && (state.at === null || node.end <= state.at)) parts.push(blockElement({ role: 'error', kind: 'text', text: node.error }, null, true));
  for (const code of row.codes || []) parts.push(findingLink(code, row));
  if (row.nodes.length > 1 && row.node.kind === 'tool') parts.push(...toolParts(row.node));
  if (node.kind === 'tool') parts.push(...toolParts(node));
  const calls = callsOf(row);
  parts.push(conversation(calls, { isHeaded: calls.length > 1 }));
  const attempts = (call ? call.children : []).filter((child) => child.kind === 'attempt');
  if (attempts.length > 1 || attempts.some((each) => each.status === 'error')) parts.push(attemptsTable(attempts));
  parts.push(attributesOf(row));
  detail.replaceChildren(...parts);
}

function factsOf(row, node, call) {
  const known = totals(node);
  const tokens = known.tokens || [0, 0, 0, 0, 0];
  const isOver = state.at === null || node.end <= state.at;
  return [
    ['kind', row.nodes.map((each) => nodes[each].kind).join(' › ') + (node.inferred ? ' (inferred)' : '')],
    ['status', isOver ? node.status : 'running'],
    ['time', `${rowTook(row)}, ${node.start < data.axis[0] ? `beginning ${duration(data.axis[0] - node.start)} before the first agent` : `at ${duration(node.start - data.axis[0])}`}`],
    ['agent', node.agent && node.kind !== 'agent' ? node.agent.title : ''],
    ['model', call ? call.model : node.model],
    ['tokens', tokensText(known.tokens)],
    ['cached', tokens[2] || tokens[3] ? `${amount(tokens[2])} read, ${amount(tokens[3])} written` : ''],
    ['cost', money(known.cost, !node.costPartial)],
    ['trouble', isOver ? row.trouble : ''],
    ['id', node.id],
  ];
}

function findingLink(code, row) {
  const finding = data.findings.find((each) => each.code === code && each.nodes.some((place) => row.nodes.includes(place)));
  if (!finding) return '';
  return el('p', 'about', button(`${code}: ${finding.message}`, () => showView('findings'), { class: 'link' }));
}

function showGroup(row) {
  const list = row.group.members.slice(0, 200).map((place) => {
    const node = nodes[place];
    return el('tr', '', el('td', '', button(node.title, () => goTo(place), { class: 'link' })), el('td', '', duration(node.end - node.start)), el('td', '', node.status));
  });
  const table = el('table', '', el('thead', '', el('tr', '', el('th', '', 'span'), el('th', '', 'time'), el('th', '', 'status'))), el('tbody', '', ...list));
  const more = row.group.members.length - list.length;
  detail.replaceChildren(
    el('h2', '', el('bdi', '', row.title)),
    el('p', 'quiet', `${row.aside}: ${counted(row.group.members.length, 'span')} that are alike, the slowest first`),
    table,
    more > 0 ? el('p', 'quiet', `and ${more.toLocaleString('en')} more`) : '',
  );
}

function toolParts(node) {
  const values = Object.fromEntries(node.attributes || []);
  const input = values['gen_ai.tool.call.arguments'] ?? toolInputs.get(node.call);
  const result = values['gen_ai.tool.call.result'] ?? toolResults.get(node.call);
  const hasEnded = state.at === null || node.end <= state.at;
  return [
    input !== undefined ? blockElement({ role: 'input', kind: 'tool_use', text: input, tool: node.title }) : '',
    result !== undefined && hasEnded ? blockElement({ role: 'result', kind: 'tool_result', text: result }, null, node.status === 'error') : '',
  ];
}

function attemptsTable(attempts) {
  const rows = attempts.map((node) =>
    el('tr', '', el('td', '', node.title), el('td', '', duration(node.end - node.start)), el('td', node.status === 'error' ? 'error' : '', node.error || node.status)),
  );
  return el('div', '', el('h3', '', 'Attempts'), el('table', '', el('tbody', '', ...rows)));
}

function attributesOf(row) {
  const all = row.nodes.map((each) => nodes[each]).filter((node) => node.attributes && node.attributes.length);
  if (!all.length) return '';
  const made = el('details', '', el('summary', '', 'Attributes'));
  made.addEventListener('toggle', () => {
    if (!made.open || made.children.length > 1) return;
    for (const node of all) {
      if (all.length > 1) made.append(el('h3', '', `${node.kind} ${node.title}`));
      made.append(facts(node.attributes.map(([name, value]) => [name, value.length > FIRST_CHARACTERS ? `${value.slice(0, FIRST_CHARACTERS)}…` : value])));
    }
  });
  return made;
}

// ── conversations ───────────────────────────────────────────────────────────────────────────────────────────────────

function conversation(calls, { isHeaded }) {
  let begunCalls = calls.filter((call) => state.at === null || call.start <= state.at);
  const home = el('div', '');
  if (state.at !== null && begunCalls.length > PLAYED_CALLS) {
    // Playback shows where the run stands.
    home.append(el('p', 'quiet', `after ${counted(begunCalls.length - PLAYED_CALLS, 'call')}`));
    begunCalls = begunCalls.sort((one, other) => one.start - other.start).slice(-PLAYED_CALLS);
  }
  let next = 0;
  const more = button('', addSome, { class: 'more' });
  function addSome() {
    const some = begunCalls.slice(next, next + FIRST_CALLS);
    next += some.length;
    more.remove();
    home.append(...some.map((call) => callElement(call, isHeaded)));
    if (next < begunCalls.length) {
      more.textContent = `Show ${Math.min(FIRST_CALLS, begunCalls.length - next)} more of ${counted(begunCalls.length, 'call')}`;
      home.append(more);
    }
  }
  if (begunCalls.length) addSome();
  return home;
}

function callElement(call, isHeaded) {
  const home = el('article', 'call');
  if (isHeaded) {
    home.append(
      el(
        'div',
        'where',
        el('span', `mark agent${call.hue >= 0 ? ` hue${call.hue}` : ''}`),
        el('b', '', call.agent ? call.agent.title : 'no agent'),
        button(call.title, () => goTo(call.place), { class: 'link' }),
        el('span', '', `at ${duration(call.start - data.axis[0])}, ${duration(call.end - call.start)}`),
        el('span', '', [tokensText(call.tokens), money(call.cost)].filter(Boolean).join(' · ')),
      ),
    );
  }
  const said = data.calls[call.place];
  if (!said) {
    home.append(el('p', 'quiet', call.status === 'open' ? 'Nothing of this call is recorded yet.' : 'The content of this call is not recorded.'));
    return home;
  }
  for (const block of said.sent) home.append(blockElement(block, call));
  for (const block of arrived(said, call)) home.append(blockElement(block, call));
  if (call.error && (state.at === null || call.end <= state.at)) home.append(blockElement({ role: 'error', kind: 'text', text: call.error }, call, true));
  return home;
}

// The blocks of a response as far as they had arrived at the moment of playback.
function arrived(said, call) {
  if (state.at === null || call.end <= state.at) return said.received;
  const step = stepOf(said);
  if (!step) return [];
  const [, count, characters] = step;
  return said.received.slice(0, count).map((block, number) => {
    if (number < count - 1 || characters < 0) return block;
    return { ...block, text: [...block.text].slice(0, characters).join(''), isGrowing: true };
  });
}

// The last moment of a stream before that of playback; null if nothing had arrived.
function stepOf(said) {
  return ((said && said.pace) || []).findLast((each) => each[0] <= state.at) || null;
}

function blockElement(block, call = null, isFailed = false) {
  const isCode = block.kind.endsWith('tool_use') || block.role === 'input' || (block.kind !== 'text' && block.kind !== 'thinking' && block.kind !== 'tool_result');
  const node = block.id ? toolNodes.get(block.id) : null;
  const failed = isFailed || (block.kind === 'tool_result' && node && node.status === 'error');
  const look = failed ? 'failed' : block.kind.includes('tool') ? 'tool' : block.role;
  const heads = { tool_use: 'asks for', tool_result: 'result', thinking: 'thinking' };
  const does = ['input', 'result'].includes(block.role) ? '' : heads[block.kind] || (block.kind === 'text' ? '' : block.kind);
  const head = el('div', 'by', el('b', '', block.role), does, block.tool ? el('bdi', '', block.tool) : '');
  if (block.kind === 'tool_result' && node) head.append(el('bdi', '', node.title));
  if (node && node !== state.selected.node && call) head.append(button(duration(node.end - node.start), () => goTo(node.place), { class: 'link', 'aria-label': `go to ${node.title}` }));
  const isLong = block.text.length > FIRST_CHARACTERS;
  const text = el('pre', `said${isCode ? ' code' : ''}`, isLong ? `${block.text.slice(0, FIRST_CHARACTERS)}…` : block.text);
  if (block.isGrowing) text.append(el('span', 'caret', '▍'));
  const made = el('div', `block ${look}`, head, text);
  if (isLong) {
    const more = button(`Show all ${block.text.length.toLocaleString('en')} characters`, () => {
      text.textContent = block.text;
      more.remove();
    }, { class: 'more' });
    made.append(more);
  }
  return made;
}
