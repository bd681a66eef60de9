// The other views: the whole conversation, the findings with their what-if, and the agents as a table.

let conversationOf = '';

function showConversation() {
  const home = byId('view-conversation');
  const calls = nodes.filter((node) => node.kind === 'llm').sort((one, other) => one.start - other.start);
  const names = [...hues.keys()];
  const choice = withAttributes(el('select', ''), { 'aria-label': 'Agent' });
  for (const name of ['', ...names]) choice.append(withAttributes(el('option', '', name || 'all agents'), { value: name }));
  choice.value = conversationOf;
  choice.addEventListener('change', () => {
    conversationOf = choice.value;
    showConversation();
  });
  const wanted = calls.filter((call) => !conversationOf || (call.agent && call.agent.title === conversationOf));
  const before = state.at;
  state.at = null;
  home.replaceChildren(el('div', 'plain', el('h2', '', 'Conversation'), el('div', 'filter', choice, el('span', 'quiet', `${counted(wanted.length, 'call')} in order of time; each shows what it adds`)), conversation(wanted, { isHeaded: true })));
  state.at = before;
}

function showFindings() {
  const home = el('div', 'plain');
  if (!data.findings.length) home.append(el('h2', '', 'Findings'), el('p', 'quiet', 'The rules of tracekit check find nothing in this run.'));
  const joint = data.changes.findIndex((each) => each.findings.length > 1);
  if (joint >= 0) {
    const made = data.changes[joint];
    home.append(el('div', 'finding', el('h3', '', el('span', 'saved', `All certain and likely findings together save ${duration(made.saved)}`)), el('div', 'go', whatIfButton(joint))));
  }
  data.findings.forEach((finding, number) => home.append(findingElement(finding, number)));
  byId('view-findings').replaceChildren(home);
}

// Append `text` to `element`; what stands between backticks is code.
function withCode(element, text) {
  text.split('`').forEach((part, number) => element.append(number % 2 ? el('code', '', part) : part));
  return element;
}

function findingElement(finding, number) {
  const saved = [finding.savedMs !== null ? duration(finding.savedMs * 1e6) : '', finding.savedUsd ? money(finding.savedUsd) : ''].filter(Boolean);
  const evidence = el('ul', '', ...finding.evidence.slice(0, 12).map((each) => withCode(el('li', ''), each)));
  if (finding.evidence.length > 12) evidence.append(el('li', '', `and ${finding.evidence.length - 12} more`));
  const go = el('div', 'go');
  const change = data.changes.findIndex((each) => each.findings.length === 1 && each.findings[0] === number);
  if (change >= 0) go.append(whatIfButton(change));
  const rows = new Map(finding.nodes.map((place) => [rowOf(place), place]).reverse());
  for (const place of [...rows.values()].reverse().slice(0, 8)) go.append(button(`${nodes[place].title}, ${duration(nodes[place].end - nodes[place].start)}`, () => goTo(place)));
  return el(
    'article',
    'finding',
    el('h3', '', el('span', `chip ${finding.confidence}`, finding.confidence), `${finding.code} ${finding.rule}`, saved.length ? el('span', 'saved', `saves ${saved.join(' and ')}`) : ''),
    withCode(el('p', ''), finding.message),
    evidence,
    withCode(el('p', ''), `→ ${finding.remedy}`),
    go,
  );
}

function whatIfButton(number) {
  return button('As it could be', () => {
    showView('timeline');
    showChange(number);
  });
}

// Draw the run with the times of a changed schedule; null draws it as it was.
function showChange(number) {
  state.change = number === null ? null : data.changes[number];
  if (state.change && !state.change.goneSet) state.change.goneSet = new Set(state.change.gone);
  if (state.at !== null) stopPlaying();
  const made = state.change;
  if (made) {
    const about = made.findings.map((each) => data.findings[each].code).join(', ');
    say(`As it could be with ${about}: ${duration(made.saved)} less`);
  }
  layOut();
  change({});
}

const COLUMNS = [
  ['time', 'Time', (row) => duration(row.time), (row) => row.time],
  ['self', 'Self', (row) => (row.kind === 'agent' ? duration(row.self) : ''), (row) => row.self],
  ['path', 'Critical path', (row) => (row.path ? `${(row.path * 100).toFixed(0)} %` : '·'), (row) => row.path],
  ['calls', 'Calls', (row) => String(row.calls), (row) => row.calls],
  ['tokens', 'Tokens', (row) => tokensText(row.tokens), (row) => row.tokens[0] + row.tokens[1]],
  ['cached', 'Cached', (row) => (row.tokens[2] ? `${((row.tokens[2] / row.tokens[0]) * 100).toFixed(0)} %` : '·'), (row) => row.tokens[2] / Math.max(1, row.tokens[0])],
  ['cost', 'Cost', (row) => money(row.cost, row.costComplete), (row) => row.cost || 0],
  ['retries', 'Retries', (row) => (row.retries ? String(row.retries) : '·'), (row) => row.retries],
];
let sortedBy = 'time';

function showAgents() {
  const home = el('div', 'plain');
  for (const kind of ['agent', 'model']) {
    const rows = data.agents.filter((row) => row.kind === kind);
    if (rows.length) home.append(el('h2', '', kind === 'agent' ? 'Agents' : 'Models'), agentsTable(rows, kind));
  }
  byId('view-agents').replaceChildren(home);
}

function agentsTable(rows, kind) {
  const key = COLUMNS.find((column) => column[0] === sortedBy)[3];
  const heads = COLUMNS.map(([name, title]) => {
    const head = el('th', '', button(name === sortedBy ? `${title} ↓` : title, () => {
      sortedBy = name;
      showAgents();
      say(`sorted by ${title}`);
    }));
    return withAttributes(head, { scope: 'col', 'aria-sort': name === sortedBy ? 'descending' : null });
  });
  const lines = [...rows].sort((one, other) => key(other) - key(one)).map((row) => {
    const hue = kind === 'agent' ? hues.get(row.name) : undefined;
    const name = el('td', '', el('span', `mark agent${hue === undefined ? '' : ` hue${hue}`}`), ' ', button(row.name, () => goTo(row.nodes[0]), { class: 'link' }), row.nodes.length > 1 && kind === 'agent' ? el('span', 'count', `× ${row.nodes.length}`) : '');
    return el('tr', '', name, ...COLUMNS.map((column) => el('td', '', column[2](row))));
  });
  return el('table', '', el('thead', '', el('tr', '', withAttributes(el('th', '', ''), { scope: 'col' }), ...heads)), el('tbody', '', ...lines));
}
