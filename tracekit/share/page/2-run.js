// The run of this page: spans, rows and conversations, as the page's data has them.

const data = JSON.parse(byId('data').textContent);
const nodes = data.nodes;
const HUES = 6;

for (const node of nodes) {
  node.children = [];
  node.status = node.status || 'ok';
}
nodes.forEach((node, place) => {
  node.place = place;
  if (node.parent >= 0) nodes[node.parent].children.push(node);
});

// The innermost agent around each span, and a colour for each name of an agent. Parents come before children.
const hues = new Map();
for (const node of nodes) {
  const above = node.parent >= 0 ? nodes[node.parent].agent : null;
  node.agent = node.kind === 'agent' ? node : above;
  const name = node.agent ? node.agent.title : '';
  if (node.agent && !hues.has(name)) hues.set(name, hues.size % HUES);
  node.hue = node.agent ? hues.get(name) : -1;
}

// A span and all below it stand side by side in `nodes`: from `place` to `last`.
for (const node of nodes) node.last = node.place;
for (let place = nodes.length - 1; place > 0; place--) {
  const above = nodes[nodes[place].parent];
  above.last = Math.max(above.last, nodes[place].last);
}

// Rows as the tree shows them: compact, as the data has them, or one for each span.
function linked(rows) {
  const open = [];
  rows.forEach((row, place) => {
    row.place = place;
    row.children = [];
    open.length = row.depth;
    row.parent = row.depth > 0 ? open[row.depth - 1] : null;
    row.position = row.parent ? row.parent.children.push(row) : 1;
    open.push(row);
    row.isOpen = !row.group;
    row.node = row.group ? null : nodes[row.nodes[0]];
    const named = row.group ? null : row.nodes.map((each) => nodes[each]).find((node) => node.kind === 'agent');
    row.named = named || row.node;
    row.kind = row.group ? row.group.kind : row.named.kind;
    row.hue = row.group ? nodes[row.group.members[0]].hue : row.named.hue;
    row.start = row.group ? row.group.start : row.node.start;
    row.end = row.group ? row.group.end : row.node.end;
    row.tokens = row.group ? row.group.tokens : row.node.tokens;
    row.cost = row.group ? row.group.cost : row.node.cost;
    row.inferred = !row.group && row.node.inferred;
    row.isFailed = row.group ? Boolean(row.trouble) : row.nodes.some((each) => nodes[each].status === 'error');
  });
  return rows;
}

const compactRows = linked(data.rows);

function fullRows() {
  const codes = new Map();
  for (const row of data.rows) for (const place of row.nodes) codes.set(place, row.codes || []);
  const depths = [];
  return linked(
    nodes.map((node) => {
      depths[node.place] = node.parent < 0 ? 0 : depths[node.parent] + 1;
      const isFirst = node.parent < 0 || codes.get(node.parent) !== codes.get(node.place);
      return {
        depth: depths[node.place],
        nodes: [node.place],
        title: node.title,
        trouble: node.trouble,
        codes: isFirst ? codes.get(node.place) || [] : [],
      };
    }),
  );
}

// The conversation of each call; a tool's input and result by the id of the tool call.
const toolInputs = new Map();
const toolResults = new Map();
for (const call of Object.values(data.calls)) {
  for (const block of [...call.sent, ...call.received]) {
    if (!block.id) continue;
    if (block.kind.endsWith('tool_use')) toolInputs.set(block.id, block.text);
    else if (!toolResults.has(block.id)) toolResults.set(block.id, block.text);
  }
}
const toolNodes = new Map();
for (const node of nodes) if (node.call) toolNodes.set(node.call, node);

function callsBelow(node, otherAgents = false) {
  const found = [];
  const stack = [node];
  while (stack.length) {
    const each = stack.pop();
    if (each.kind === 'llm') found.push(each);
    else if (each === node || otherAgents || each.kind !== 'agent') {
      for (let number = each.children.length - 1; number >= 0; number--) stack.push(each.children[number]);
    }
  }
  return found;
}

// The cost and the tokens of a span; in playback, of the calls below it that had ended by then.
function totals(node) {
  const at = state.at;
  if (at === null || node.end <= at) return { cost: node.cost, tokens: node.tokens };
  let cost = null;
  let tokens = null;
  const stack = node.kind === 'llm' ? [] : [...node.children];
  while (stack.length) {
    const each = stack.pop();
    if (each.start > at || each.kind === 'attempt') continue;
    if (each.end > at) {
      if (each.kind !== 'llm') for (const child of each.children) stack.push(child);
      continue;
    }
    if (each.cost !== undefined) cost = (cost || 0) + each.cost;
    if (each.tokens) tokens = each.tokens.map((count, number) => count + (tokens ? tokens[number] : 0));
  }
  return { cost, tokens };
}

// What the page shows at this moment. `at` is the time of playback, null outside of it.
const state = { rows: compactRows, selected: compactRows[0], window: [...data.axis], at: null, isPath: false, change: null };
const listeners = [];
const onChange = (listener) => listeners.push(listener);
function change(values) {
  Object.assign(state, values);
  for (const listener of listeners) listener(values);
}
