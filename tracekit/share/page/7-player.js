// Playback: the run over time, from its recorded times. Nothing runs.

const LEAST_FRAME_MS = 30;
const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 25, 100];
const moments = [...new Set(nodes.flatMap((node) => [node.start, node.end]))].filter((at) => at >= data.axis[0] && at <= data.axis[1]).sort((one, other) => one - other);
let frame = null;
let speed = 1;
let begunCount = -1;
let lastDetail = 0;
const player = byId('player');
const slider = withAttributes(el('input', ''), { type: 'range', min: 0, max: 10000, value: 10000, 'aria-label': 'Moment' });
const clock = el('span', 'clock', '');
const playButton = button('▶ Play', togglePlaying, { 'aria-label': 'Play' });
const speedChoice = withAttributes(el('select', ''), { 'aria-label': 'Speed' });

function makePlayer() {
  for (const each of SPEEDS) speedChoice.append(withAttributes(el('option', '', `${each}×`), { value: each }));
  const length = data.axis[1] - data.axis[0];
  // A long run is over in about half a minute.
  speed = SPEEDS.find((each) => length / 1e9 / each <= 30) || 100;
  speedChoice.value = String(speed);
  speedChoice.addEventListener('change', () => setSpeed(Number(speedChoice.value)));
  slider.addEventListener('input', () => seek(data.axis[0] + (Number(slider.value) / 10000) * (data.axis[1] - data.axis[0])));
  player.append(
    playButton,
    button('⏮', () => step(-1), { 'aria-label': 'Previous event' }),
    button('⏭', () => step(1), { 'aria-label': 'Next event' }),
    slider,
    clock,
    speedChoice,
    button('Whole run', stopPlaying),
  );
  showMoment();
}

function setSpeed(value) {
  speed = value;
  speedChoice.value = String(value);
}

function changeSpeed(by) {
  setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(speed) + by))]);
  say(`speed ${speed}`);
}

function togglePlaying() {
  if (frame !== null) {
    pause();
    return;
  }
  if (state.change) showChange(null);
  if (state.at === null || state.at >= data.axis[1]) state.at = data.axis[0];
  let last = performance.now();
  const tick = (now) => {
    if (now - last < LEAST_FRAME_MS) {
      frame = requestAnimationFrame(tick);
      return;
    }
    const at = Math.min(data.axis[1], state.at + (now - last) * 1e6 * speed);
    last = now;
    moveTo(at);
    if (at >= data.axis[1]) stopPlaying();
    else frame = requestAnimationFrame(tick);
  };
  frame = requestAnimationFrame(tick);
  showMoment();
}

function pause() {
  if (frame !== null) cancelAnimationFrame(frame);
  frame = null;
  moveTo(state.at);
  showDetail();
}

function stopPlaying() {
  if (frame !== null) cancelAnimationFrame(frame);
  frame = null;
  state.at = null;
  begunCount = -1;
  layOut();
  drawMap();
  showMoment();
  showDetail();
}

function seek(at) {
  if (frame !== null) cancelAnimationFrame(frame);
  frame = null;
  moveTo(at);
  showDetail();
}

function step(by) {
  const at = state.at ?? (by > 0 ? data.axis[0] : data.axis[1]);
  const found = by > 0 ? moments.find((each) => each > at) : moments.findLast((each) => each < at);
  if (found !== undefined) seek(found);
}

function moveTo(at) {
  state.at = at;
  const count = state.rows.reduce((sum, row) => sum + (row.start <= at ? 1 : 0), 0);
  if (count !== begunCount) {
    begunCount = count;
    layOut();
  } else drawRows(true);
  drawMap();
  showMoment();
  // Text streams into the conversation a few times a second.
  if (performance.now() - lastDetail > 200) {
    lastDetail = performance.now();
    showDetail(true);
  }
}

function showMoment() {
  const whole = data.axis[1] - data.axis[0];
  const at = state.at === null ? whole : state.at - data.axis[0];
  slider.value = String(Math.round((at / whole) * 10000));
  withAttributes(slider, { 'aria-valuetext': `${duration(at)} of ${duration(whole)}` });
  clock.textContent = `${duration(at)} / ${duration(whole)}`;
  playButton.textContent = frame !== null ? '⏸ Pause' : '▶ Play';
  withAttributes(playButton, { 'aria-label': frame !== null ? 'Pause' : 'Play' });
}
