// SPDX-License-Identifier: Apache-2.0
// The page of a run. All it shows is in #data (docs/formats/report.md); names are somebody else's text and only ever
// become text nodes. Moments are milliseconds since the start of the run, latencies microseconds.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const report = data.report;
  const load = data.load;
  const main = document.getElementById('main');
  const end_ms = Math.max(1, report.last_at_ms, ...report.phases.map((p) => p.end_at_ms || 0));

  // --- words and numbers ---------------------------------------------------------------------------------------------
  const digits = (v) =>
    v === 0
      ? '0'
      : Math.abs(v) >= 99.95
        ? Math.round(v).toLocaleString('en')
        : v.toFixed(Math.abs(v) >= 9.995 ? 1 : Math.abs(v) >= 0.0995 ? 2 : 3);
  const whole = (v) => Math.round(v).toLocaleString('en');
  const latency = (us) =>
    us === null || us === undefined
      ? '–'
      : us < 999.5
        ? whole(us) + ' µs'
        : us < 999500
          ? digits(us / 1e3) + ' ms'
          : digits(us / 1e6) + ' s';
  const bytes = (v) => {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let i = 0;
    while (Math.abs(v) >= 1000 && i < units.length - 1) {
      v /= 1024;
      ++i;
    }
    return (i === 0 ? whole(v) : digits(v)) + ' ' + units[i];
  };
  const rate = (v) => digits(v) + '/s';
  const percent = (part, all) => (all === 0 ? '–' : part === 0 ? '0 %' : digits((100 * part) / all) + ' %');
  const two = (v) => String(v).padStart(2, '0');
  function clock(ms, fine) {
    const s = Math.floor(ms / 1000);
    const tail = fine ? '.' + String(Math.floor((ms % 1000) / 100)) : '';
    return (
      (s >= 3600 ? Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) +
      ':' +
      two(s % 60) +
      tail
    );
  }
  function duration(ms) {
    const s = Math.round(ms / 100) / 10;
    if (s < 120) return digits(s) + ' s';
    const [large, small, big, little] =
      s < 3600
        ? [Math.floor(s / 60), Math.floor(s % 60), ' min', ' s']
        : [Math.floor(s / 3600), Math.floor((s % 3600) / 60), ' h', ' min'];
    return large + big + (small ? ' ' + small + little : '');
  }
  const short = (text) => text.replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, ''); // "30.0 ms" at an axis is "30 ms"
  const plural = (n, one, many) => whole(n) + ' ' + (n === 1 ? one : many || one + 's');
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const several_scenarios = new Set(load.steps.slice(1).map((s) => s.scenario)).size > 1;
  const step_name = (s) =>
    s.step ? (several_scenarios ? s.scenario + ': ' : '') + s.step : s.step === '' ? 'all steps' : '–';

  // --- making elements -----------------------------------------------------------------------------------------------
  function el(tag, attributes, ...children) {
    const out = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith('on')) out.addEventListener(name.slice(2), value);
      else if (value === true) out.setAttribute(name, '');
      else if (value !== false && value !== null && value !== undefined) out.setAttribute(name, value);
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined && child !== false) out.append(child);
    }
    return out;
  }
  const sections = [];
  function section(id, title, ...children) {
    const heading = el('h2', { id: id + '-title' }, title);
    const out = el('section', { id, 'aria-labelledby': id + '-title' }, heading, ...children);
    sections.push([id, title]);
    main.append(out);
    return out;
  }
  const note = (text) => el('p', { class: 'note' }, text);
  const left_out = (n, what) => (n > 0 ? note(`${whole(n)} more ${what} are in run.db, not on this page.`) : null);

  /// A table that sorts by a click on a column's name. A column: name, text of a row, and value to sort by when it is a number.
  function table(caption, columns, rows, options) {
    const body = el('tbody');
    const fill = (list) =>
      body.replaceChildren(
        ...list.map((row) =>
          el(
            'tr',
            {},
            columns.map((c, i) => {
              const content = c.text(row);
              const cell = { class: (c.value ? 'number ' : '') + (c.kind ? c.kind(row) : '') };
              return i === 0 ? el('th', { scope: 'row', ...cell }, content) : el('td', cell, content);
            }),
          ),
        ),
      );
    let sorted = null;
    const heads = columns.map((c) => {
      const head = el('th', { scope: 'col', class: c.value ? 'number' : '' });
      head.append(
        el(
          'button',
          {
            type: 'button',
            title: c.hint || 'Sort by ' + c.name,
            onclick: () => {
              const down = sorted && sorted.column === c ? !sorted.down : Boolean(c.value);
              sorted = { column: c, down };
              const key = c.value || ((row) => String(c.sort ? c.sort(row) : c.text(row)).toLowerCase());
              const order = (a, b) => (a === b ? 0 : a === null || a === undefined || a < b ? -1 : 1);
              fill([...rows].sort((a, b) => (down ? -1 : 1) * order(key(a), key(b))));
              heads.forEach((h) => h.removeAttribute('aria-sort'));
              head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
            },
          },
          c.name,
        ),
      );
      return head;
    });
    fill(rows);
    return el(
      'div',
      { class: 'scroll' + (rows.length <= 12 ? ' whole' : ''), tabindex: '0', role: 'region', 'aria-label': caption },
      el('table', options || {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, heads)), body),
    );
  }

  // --- phases --------------------------------------------------------------------------------------------------------
  const phases = report.phases.map((p) => ({
    name: p.name,
    from: p.start_at_ms,
    to: p.end_at_ms === null ? end_ms : p.end_at_ms,
    judged: p.judged,
    steps: p.steps,
  }));
  function undelta(list) {
    let at = 0;
    return list.map((d) => (at += d));
  }
  const rules = load.rules.map((r) => ({ name: r.rule, effect: r.effect, at: undelta(r.at), n: r.n }));
  (function tell_faults_apart() {
    // A phase is one of faults when something was done in it, or when rules left more than stragglers in the ledger.
    const entries = phases.map((p) =>
      sum(
        rules.map((r) =>
          sum(
            r.n.filter((_, i) => {
              const ms = (r.at[i] + 0.5) * load.bucket_s * 1000;
              return ms >= p.from && ms < p.to;
            }),
          ),
        ),
      ),
    );
    const most = Math.max(0, ...entries);
    phases.forEach((p, i) => {
      const acted = report.notes.some(
        (n) => n.kind === 'action' && !/ are off$/.test(n.text) && n.at_ms >= p.from && n.at_ms < p.to,
      );
      p.kind = !p.judged ? 'warm-up' : acted || entries[i] > 0.05 * most ? 'fault' : 'calm';
      p.injected = entries[i];
    });
  })();
  const phase_at = (ms) => phases.find((p) => ms >= p.from && ms < p.to) || null;

  // --- events --------------------------------------------------------------------------------------------------------
  const deaths = report.instances
    .filter((i) => i.death)
    .map((i) => {
      const d = i.death;
      const how =
        d.cause +
        (d.exit_code !== null ? `, exit code ${d.exit_code}` : '') +
        (d.signal !== null ? `, signal ${d.signal}` : '');
      return {
        at: d.at_ms,
        kind: 'death',
        service: i.service,
        oom: d.cause === 'out of memory',
        text: `${i.service} ${i.instance} ended: ${how}` + (d.evidence ? `. ${d.evidence}` : ''),
      };
    });
  const events = [
    ...report.notes.map((n) => ({ at: n.at_ms, kind: n.kind, text: n.text })),
    ...deaths,
    ...report.instances
      .filter((i) => i.seen_at_ms > 3000)
      .map((i) => ({ at: i.seen_at_ms, kind: 'start', text: `${i.service} ${i.instance} was first seen` })),
  ].sort((a, b) => a.at - b.at);

  // --- lines ---------------------------------------------------------------------------------------------------------
  const bucket_ms = load.bucket_s * 1000;
  const grid = Array.from({ length: load.buckets }, (_, i) => Math.min(i * bucket_ms + bucket_ms / 2, end_ms));
  const bucket_s = grid.map((_, i) => Math.max(0.1, Math.min(bucket_ms, end_ms - i * bucket_ms) / 1000)); // the last may be cut
  const per_second = (list) => list.map((n, i) => n / bucket_s[i]);
  function line(name, color, t, v, more) {
    const gaps = t
      .slice(1)
      .map((x, i) => x - t[i])
      .sort((a, b) => a - b);
    return { name, color, t, v, step_ms: gaps.length ? gaps[gaps.length >> 1] : bucket_ms, on: true, ...more };
  }
  const holes = (list) => list.map((v) => (v < 0 ? null : v));
  function rate_lines(step) {
    const s = load.steps[step];
    return [line('requests', 1, grid, per_second(s.count)), line('failed', 2, grid, per_second(s.failed))];
  }
  function latency_lines(step) {
    const s = load.steps[step];
    return [
      line('p50', 6, grid, holes(s.p50)),
      line('p95', 1, grid, holes(s.p95)),
      line('p99', 2, grid, holes(s.p99)),
      line('max', 8, grid, holes(s.max), { on: false, thin: true }),
    ];
  }
  function error_lines(step) {
    const of = load.steps[step];
    const kinds = new Map();
    for (const e of load.errors) {
      if (step !== 0 && (e.scenario !== of.scenario || e.step !== of.step)) continue;
      if (!kinds.has(e.kind)) kinds.set(e.kind, new Array(load.buckets).fill(0));
      undelta(e.at).forEach((b, i) => {
        kinds.get(e.kind)[b] += e.n[i];
      });
    }
    const all = [...kinds].map(([kind, n]) => [kind, n, sum(n)]).sort((a, b) => b[2] - a[2]);
    const out = all.slice(0, 7).map(([kind, n], i) => line(kind, [2, 5, 4, 1, 3, 6, 7][i], grid, per_second(n)));
    if (all.length > 7) {
      const rest = new Array(load.buckets).fill(0);
      all.slice(7).forEach(([, n]) =>
        n.forEach((x, i) => {
          rest[i] += x;
        }),
      );
      out.push(line(plural(all.length - 7, 'other kind'), 8, grid, per_second(rest)));
    }
    return out;
  }
  const user_lines = load.users
    .filter((u) => u.state !== 'absent')
    .map((u, i) => line(u.state, [3, 1, 4, 2, 6, 5, 7, 8][i % 8], grid, holes(u.mean)));
  const sample_sets = data.samples
    .map((s) => {
      const unscale = (list) => (list ? list.map((v) => (v === null ? null : v * s.scale)) : null);
      const t = undelta(s.at).map((at) => at * s.bucket_ms + (s.bucket_ms > 1 ? s.bucket_ms / 2 : 0));
      return {
        instance: report.instances[s.instance],
        place: s.instance,
        metric: s.metric,
        unit: s.unit,
        bucketed: s.bucket_ms > 1,
        bucket_ms: s.bucket_ms,
        t,
        v: unscale(s.mean),
        least: unscale(s.min),
        most: unscale(s.max),
      };
    })
    .filter((s) => s.instance && s.t.length > 0);
  const services = [...new Set(sample_sets.map((s) => s.instance.service))];

  // --- theme ---------------------------------------------------------------------------------------------------------
  const root = document.documentElement;
  const theme_button = document.getElementById('theme');
  let ink = {};
  function read_ink() {
    const style = getComputedStyle(root);
    const get = (name) => style.getPropertyValue('--' + name).trim();
    ink = {
      text: get('text'),
      faint: get('faint'),
      grid: get('grid'),
      axis: get('axis'),
      fault: get('fault-band'),
      warm: get('warm-band'),
      hatch: get('hatch'),
      bad: get('bad'),
      c: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => get('c' + i)),
    };
  }
  function set_theme(name) {
    root.dataset.theme = name;
    theme_button.textContent = name === 'dark' ? 'Light' : 'Dark';
    theme_button.setAttribute('aria-label', `Switch to ${name === 'dark' ? 'light' : 'dark'} colours`);
    read_ink();
    for (const swatch of document.querySelectorAll('[data-color]'))
      swatch.style.borderTopColor = ink.c[swatch.dataset.color - 1];
    draw_all();
  }
  const draws = []; // every drawing of the page
  function draw_all() {
    draws.forEach((d) => d());
  }

  // --- scales and ticks ----------------------------------------------------------------------------------------------
  function nice_step(raw) {
    const power = 10 ** Math.floor(Math.log10(raw));
    return power * ([1, 2, 5, 10].find((m) => m * power >= raw * 0.999) || 10);
  }
  function linear_scale(top, base) {
    const step =
      base === 1024 && top >= 1024
        ? (() => {
            const unit = 1024 ** Math.floor(Math.log(top / 1.05) / Math.log(1024));
            return unit * nice_step(top / unit / 4);
          })()
        : nice_step(top / 4);
    const ticks = [];
    for (let v = 0; v <= top * 1.0001; v += step) ticks.push(v);
    return { y: (v) => Math.max(0, v) / top, ticks };
  }
  function log_scale(low, high) {
    const from = Math.log10(low),
      to = Math.log10(high);
    const ticks = [];
    const marks = to - from > 2.5 ? [1] : to - from > 1 ? [1, 3] : [1, 2, 5];
    for (let p = Math.floor(from); p <= to; ++p)
      for (const m of marks) if (m * 10 ** p >= low && m * 10 ** p <= high) ticks.push(m * 10 ** p);
    return { y: (v) => (v <= 0 ? 0 : Math.max(0, (Math.log10(v) - from) / (to - from))), ticks };
  }
  function time_ticks(from, to, width) {
    const raw = (to - from) / Math.max(2, width / 90);
    const steps = [
      100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 864e5,
    ];
    const step = steps.find((s) => s >= raw) || 864e5;
    const out = [];
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) out.push(t);
    return { ticks: out, fine: step < 1000 };
  }
  let print_width = 0; // about what a page of paper shows without making the letters small
  /// A canvas of the element's width, sharp on every screen. Returns what to draw with, in CSS pixels.
  function prepare(canvas, height) {
    const width = print_width || Math.max(120, canvas.parentElement.clientWidth);
    const ratio = Math.max(window.devicePixelRatio || 1, 2);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = height + 'px';
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = '11px system-ui, sans-serif';
    return { g, width, height };
  }
  const gutter = () => (window.innerWidth < 600 ? 58 : 66);
  const right_edge = 10;

  // --- the timeline --------------------------------------------------------------------------------------------------
  const view = { from: 0, to: end_ms };
  let cursor = null;
  let brush = null;
  let charts = [];
  let chosen_step = 0;
  const timeline = el('div', {
    class: 'timeline',
    tabindex: '0',
    role: 'group',
    'aria-label': 'Timeline',
    'aria-describedby': 'timeline-help',
  });
  const readout = el('div', { class: 'readout' });
  const range_text = el('span', { class: 'range' });

  const x_of = (t, width) => gutter() + ((t - view.from) / (view.to - view.from)) * (width - gutter() - right_edge);
  const t_of = (x, width) => view.from + ((x - gutter()) / (width - gutter() - right_edge)) * (view.to - view.from);

  function hatch(g) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const h = tile.getContext('2d');
    h.strokeStyle = ink.hatch;
    h.lineWidth = 1;
    h.beginPath();
    for (const d of [-4, 4, 12]) {
      h.moveTo(d - 4, 8);
      h.lineTo(d + 4, 0);
    }
    h.moveTo(-4, 4);
    h.lineTo(4, -4);
    h.moveTo(4, 12);
    h.lineTo(12, 4);
    h.stroke();
    return g.createPattern(tile, 'repeat');
  }
  function draw_bands(g, width, top, height) {
    phases.forEach((p) => {
      const a = Math.max(gutter(), x_of(p.from, width)),
        b = Math.min(width - right_edge, x_of(p.to, width));
      if (b <= a) return;
      if (p.kind === 'warm-up') {
        g.fillStyle = ink.warm;
        g.fillRect(a, top, b - a, height);
        g.fillStyle = hatch(g);
        g.fillRect(a, top, b - a, height);
      } else if (p.kind === 'fault') {
        g.fillStyle = ink.fault;
        g.fillRect(a, top, b - a, height);
      }
      if (p.from > view.from) {
        g.strokeStyle = ink.axis;
        g.lineWidth = 1;
        g.beginPath();
        g.moveTo(Math.round(a) + 0.5, top);
        g.lineTo(Math.round(a) + 0.5, top + height);
        g.stroke();
      }
    });
  }
  function fitted(g, text, room) {
    if (g.measureText(text).width <= room) return text;
    let cut = text;
    while (cut.length > 1 && g.measureText(cut + '…').width > room) cut = cut.slice(0, -1);
    return cut.length > 1 || room > 14 ? cut + '…' : '';
  }
  function draw_phase_lane(canvas) {
    const { g, width } = prepare(canvas, 44);
    draw_bands(g, width, 0, 24);
    g.textBaseline = 'middle';
    g.textAlign = 'left';
    for (const p of phases) {
      const a = Math.max(gutter(), x_of(p.from, width)),
        b = Math.min(width - right_edge, x_of(p.to, width));
      if (b - a < 16) continue;
      g.fillStyle = ink.text;
      g.font = (p.kind === 'fault' ? '600 ' : '') + '12px system-ui, sans-serif';
      g.fillText(fitted(g, (p.kind === 'fault' ? '⚡ ' : '') + p.name, b - a - 10), a + 6, 12.5);
      if (p.kind === 'fault') {
        g.fillStyle = ink.bad;
        g.fillRect(a, 22, b - a, 2);
      }
    }
    g.font = '11px system-ui, sans-serif';
    g.fillStyle = ink.faint;
    g.textAlign = 'right';
    if (phases.length) g.fillText('phase', gutter() - 8, 12.5);
    g.fillText('time', gutter() - 8, 35);
    g.textAlign = 'center';
    const { ticks, fine } = time_ticks(view.from, view.to, width);
    for (const t of ticks) {
      const x = x_of(t, width);
      if (x > gutter() - 2 && x < width - 14) g.fillText(clock(t, fine), Math.max(x, gutter() + 10), 35);
    }
  }
  function draw_fault_lane(canvas) {
    const row = 27;
    const { g, width } = prepare(canvas, rules.length * row + 4);
    draw_bands(g, width, 0, rules.length * row + 4);
    g.textBaseline = 'middle';
    g.textAlign = 'left';
    rules.forEach((r, i) => {
      const most = Math.max(...r.n);
      g.fillStyle = ink.text;
      g.fillText(
        fitted(g, `${r.name}: ${r.effect}, ${plural(sum(r.n), 'time')}`, width - gutter() - right_edge - 12),
        gutter() + 6,
        i * row + 9,
      );
      g.fillStyle = ink.bad;
      r.at.forEach((b, j) => {
        const a = Math.max(gutter(), x_of(b * bucket_ms, width)),
          z = Math.min(width - right_edge, x_of((b + 1) * bucket_ms, width));
        if (z <= a) return;
        g.globalAlpha = 0.3 + (0.7 * r.n[j]) / most;
        g.fillRect(Math.floor(a), i * row + 17, Math.max(1, Math.floor(z) - Math.floor(a)), 8);
      });
      g.globalAlpha = 1;
    });
  }
  const event_color = (e) =>
    ['death', 'abort', 'unwell', 'child killed'].includes(e.kind) ? ink.bad : e.kind === 'action' ? ink.c[1] : ink.c[0];
  function draw_event_lane(canvas) {
    const { g, width } = prepare(canvas, 22);
    draw_bands(g, width, 0, 22);
    g.fillStyle = ink.faint;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    g.fillText('events', gutter() - 8, 11);
    for (const e of events) {
      const x = x_of(e.at, width);
      if (x < gutter() - 1 || x > width - right_edge + 1) continue;
      g.fillStyle = event_color(e);
      g.beginPath();
      if (e.kind === 'death') {
        g.rect(x - 4, 7, 8, 8);
      } else {
        g.moveTo(x, 5);
        g.lineTo(x + 5, 11);
        g.lineTo(x, 17);
        g.lineTo(x - 5, 11);
      }
      g.fill();
    }
  }
  function near_index(t, at) {
    let low = 0,
      high = t.length - 1;
    while (low < high) {
      const m = (low + high) >> 1;
      if (t[m] < at) low = m + 1;
      else high = m;
    }
    return low > 0 && at - t[low - 1] <= t[low] - at ? low - 1 : low;
  }
  function value_at(l, at) {
    if (l.t.length === 0) return null;
    if (l.limit) {
      // holds until it changes
      let v = null;
      for (let i = 0; i < l.t.length && l.t[i] <= at; ++i) v = l.v[i];
      return v === null ? l.v[0] : v;
    }
    const i = near_index(l.t, at);
    return Math.abs(l.t[i] - at) > 1.6 * l.step_ms + 1 ? null : l.v[i];
  }
  function scale_of(chart) {
    let top = 0,
      low = Infinity,
      limit = 0;
    for (const l of chart.lines) {
      if (!l.on) continue;
      l.t.forEach((t, i) => {
        if (!l.limit && (t < view.from - l.step_ms || t > view.to + l.step_ms)) return;
        const v = l.most ? l.most[i] : l.v[i];
        if (v === null) return;
        if (l.limit) {
          limit = Math.max(limit, v);
          return;
        }
        if (v > top) top = v;
        if (v > 0 && v < low) low = v;
      });
    }
    if (limit > 0 && limit <= 6 * top) top = Math.max(top, limit);
    if (chart.log && low < Infinity) return log_scale(low * 0.8, Math.max(top * 1.3, low * 1.5));
    return { ...linear_scale(top > 0 ? top * 1.08 : chart.unit_top || 1, chart.base), top };
  }
  function draw_chart(chart) {
    const { g, width, height } = prepare(chart.canvas, chart.height);
    const pad = 7,
      room = height - 2 * pad;
    const scale = scale_of(chart);
    const y_of = (v) => pad + room - scale.y(v) * room;
    draw_bands(g, width, 0, height);
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    g.lineWidth = 1;
    for (const v of scale.ticks) {
      const y = Math.round(y_of(v)) + 0.5;
      g.strokeStyle = ink.grid;
      g.beginPath();
      g.moveTo(gutter(), y);
      g.lineTo(width - right_edge, y);
      g.stroke();
      g.fillStyle = ink.faint;
      g.fillText(short(chart.tick(v)), gutter() - 8, y);
    }
    g.save();
    g.beginPath();
    g.rect(gutter(), 0, width - gutter() - right_edge, height);
    g.clip();
    for (const l of chart.lines) {
      if (!l.on || l.t.length === 0) continue;
      g.strokeStyle = g.fillStyle = l.limit ? ink.bad : ink.c[l.color - 1];
      if (l.most) {
        g.globalAlpha = 0.18;
        g.beginPath();
        l.t.forEach((t, i) => g.lineTo(x_of(t, width), y_of(l.most[i])));
        for (let i = l.t.length - 1; i >= 0; --i) g.lineTo(x_of(l.t[i], width), y_of(l.least[i]));
        g.fill();
        g.globalAlpha = 1;
      }
      g.lineWidth = l.limit ? 1.2 : l.thin ? 1 : 1.6;
      g.lineJoin = 'round';
      g.setLineDash(l.limit ? [6, 4] : l.dash || []);
      g.beginPath();
      let before = null;
      l.t.forEach((t, i) => {
        const v = l.v[i];
        if (v === null) {
          before = null;
          return;
        }
        const x = x_of(t, width),
          y = y_of(v);
        if (l.limit) {
          if (before === null) g.moveTo(x, y);
          else {
            g.lineTo(x, y_of(l.v[i - 1]));
            g.lineTo(x, y);
          }
        } else if (before === null || t - before > 3.2 * l.step_ms) {
          g.moveTo(x, y);
          g.lineTo(x + 0.01, y);
          if (l.v[i + 1] === null || i === l.t.length - 1) g.rect(x - 1, y - 1, 2, 2);
        } else g.lineTo(x, y);
        before = t;
      });
      if (l.limit) g.lineTo(x_of(view.to, width), y_of(l.v[l.v.length - 1]));
      g.stroke();
      g.setLineDash([]);
    }
    for (const m of chart.marks || []) {
      const x = x_of(m.at, width);
      g.strokeStyle = g.fillStyle = ink.bad;
      g.lineWidth = 1.5;
      g.setLineDash([2, 3]);
      g.beginPath();
      g.moveTo(x, 0);
      g.lineTo(x, height);
      g.stroke();
      g.setLineDash([]);
      g.lineWidth = 2.2;
      g.beginPath();
      g.moveTo(x - 4, 5);
      g.lineTo(x + 4, 13);
      g.moveTo(x + 4, 5);
      g.lineTo(x - 4, 13);
      g.stroke();
      if (m.oom) {
        g.font = '600 11px system-ui, sans-serif';
        g.textAlign = 'left';
        g.fillText('out of memory', x + 8, 10);
        g.font = '11px system-ui, sans-serif';
      }
    }
    g.restore();
    g.strokeStyle = ink.axis;
    g.lineWidth = 1;
    g.beginPath();
    g.moveTo(gutter() + 0.5, 0);
    g.lineTo(gutter() + 0.5, height);
    g.stroke();
  }
  function place_overlays() {
    for (const plot of timeline.querySelectorAll('.plot')) {
      const width = plot.clientWidth;
      const [line_at, box] = plot.querySelectorAll('.cursor, .brush');
      const x = cursor === null ? -1 : x_of(cursor, width);
      line_at.hidden = cursor === null || x < gutter() - 1 || x > width - right_edge + 1;
      if (!line_at.hidden) line_at.style.left = x + 'px';
      box.hidden = brush === null;
      if (brush) {
        const a = Math.max(gutter(), x_of(Math.min(brush.a, brush.b), width)),
          b = Math.min(width - right_edge, x_of(Math.max(brush.a, brush.b), width));
        box.style.left = a + 'px';
        box.style.width = Math.max(0, b - a) + 'px';
      }
    }
  }
  function show_values() {
    for (const chart of charts) {
      for (const l of chart.lines) {
        const v = cursor === null ? null : value_at(l, cursor);
        l.out.textContent = cursor === null || !l.on ? '' : v === null ? '–' : chart.text(v);
      }
    }
    const reach = (8 * (view.to - view.from)) / Math.max(200, timeline.clientWidth);
    const close = cursor === null ? [] : events.filter((e) => Math.abs(e.at - cursor) <= reach).slice(0, 3);
    const fine = view.to - view.from < 30000;
    const p = cursor === null ? null : phase_at(cursor);
    readout.replaceChildren(
      ...(cursor === null
        ? [el('span', { class: 'hint' }, 'Point at a chart to read its values.')]
        : [
            el('strong', {}, clock(cursor, fine)),
            p ? el('span', { class: 'phase ' + p.kind }, p.name) : '',
            ...close.map((e) =>
              el(
                'span',
                { class: 'event ' + (e.kind === 'death' ? 'bad' : '') },
                `${clock(e.at, true)} ${e.kind}: ${e.text}`,
              ),
            ),
          ]),
    );
    timeline.dataset.cursor = cursor === null ? '' : String(Math.round(cursor));
  }
  function set_cursor(t) {
    cursor = t === null ? null : Math.min(end_ms, Math.max(0, t));
    place_overlays();
    show_values();
  }
  function draw_timeline() {
    draw_phase_lane(lanes.phase);
    if (lanes.fault) draw_fault_lane(lanes.fault);
    if (lanes.event) draw_event_lane(lanes.event);
    charts.forEach(draw_chart);
    place_overlays();
    show_values();
    const all = view.from <= 0 && view.to >= end_ms;
    range_text.textContent = all
      ? 'whole run, ' + duration(end_ms)
      : `${clock(view.from, true)} – ${clock(view.to, true)}`;
    reset_button.disabled = all;
    timeline.dataset.from = String(Math.round(view.from));
    timeline.dataset.to = String(Math.round(view.to));
  }
  function set_view(from, to) {
    const least = Math.min(end_ms, Math.max(1000, 3 * Math.min(bucket_ms, 1000)));
    if (to - from < least) {
      const middle = (from + to) / 2;
      from = middle - least / 2;
      to = middle + least / 2;
    }
    const length = Math.min(end_ms, to - from);
    view.from = Math.max(0, Math.min(from, end_ms - length));
    view.to = view.from + length;
    draw_timeline();
  }
  const reset = () => set_view(0, end_ms);
  const reset_button = el(
    'button',
    {
      type: 'button',
      class: 'reset',
      onclick: () => {
        reset();
        timeline.focus({ preventScroll: true });
      },
    },
    'Whole run',
  );
  function zoom(factor) {
    const middle = cursor !== null && cursor >= view.from && cursor <= view.to ? cursor : (view.from + view.to) / 2;
    set_view(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
  }
  let telling = 0;
  function tell_cursor() {
    clearTimeout(telling);
    telling = setTimeout(() => {
      if (cursor === null) return;
      const p = phase_at(cursor);
      const said = charts.slice(0, 4).map(
        (c) =>
          c.title +
          ': ' +
          c.lines
            .filter((l) => l.on)
            .map((l) => `${l.name} ${l.out.textContent}`)
            .join(', '),
      );
      document.getElementById('live').textContent =
        `${clock(cursor, true)}${p ? ', phase ' + p.name : ''}. ${said.join('. ')}`;
    }, 350);
  }
  timeline.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('select, input')) return;
    const length = view.to - view.from;
    const move = (by) => {
      set_cursor(cursor === null || cursor < view.from || cursor > view.to ? (view.from + view.to) / 2 : cursor + by);
      if (cursor < view.from || cursor > view.to) set_view(cursor - length / 2, cursor + length / 2);
      tell_cursor();
    };
    const small = Math.max(length / 100, Math.min(bucket_ms, length / 20));
    const keys = {
      ArrowLeft: () => (e.shiftKey ? set_view(view.from - length / 5, view.to - length / 5) : move(-small)),
      ArrowRight: () => (e.shiftKey ? set_view(view.from + length / 5, view.to + length / 5) : move(small)),
      '+': () => zoom(0.5),
      '=': () => zoom(0.5),
      '-': () => zoom(2),
      _: () => zoom(2),
      Escape: () => {
        brush = null;
        reset();
        set_cursor(null);
      },
      Home: () => {
        set_cursor(view.from);
        tell_cursor();
      },
      End: () => {
        set_cursor(view.to);
        tell_cursor();
      },
    };
    if (keys[e.key]) {
      e.preventDefault();
      keys[e.key]();
    }
  });
  /// The element that is pointed at, dragged over and drawn on.
  function plot(label) {
    const canvas = el('canvas', { role: 'img', 'aria-label': label });
    const out = el(
      'div',
      { class: 'plot' },
      canvas,
      el('div', { class: 'cursor', hidden: true }),
      el('div', { class: 'brush', hidden: true }),
    );
    const at = (e) => {
      const box = out.getBoundingClientRect();
      return Math.min(view.to, Math.max(view.from, t_of(e.clientX - box.left, box.width)));
    };
    let pressed = null;
    out.addEventListener('pointerdown', (e) => {
      if (e.button !== 0) return;
      pressed = { x: e.clientX, t: at(e) };
      out.setPointerCapture(e.pointerId);
      set_cursor(at(e));
    });
    out.addEventListener('pointermove', (e) => {
      if (pressed && Math.abs(e.clientX - pressed.x) > 5) brush = { a: pressed.t, b: at(e) };
      set_cursor(at(e));
    });
    out.addEventListener('pointerup', () => {
      const done = brush;
      brush = pressed = null;
      if (done) set_view(Math.min(done.a, done.b), Math.max(done.a, done.b));
      else place_overlays();
    });
    out.addEventListener('pointercancel', () => {
      brush = pressed = null;
      place_overlays();
    });
    out.addEventListener('pointerleave', () => {
      if (!pressed) set_cursor(null);
    });
    out.addEventListener('dblclick', reset);
    return [out, canvas];
  }
  const lanes = {};
  function key_of(l, redraw) {
    const swatch = el('span', { class: 'swatch' + (l.limit ? ' limit' : '') + (l.dash ? ' dashed' : '') });
    if (!l.limit) swatch.dataset.color = l.color;
    l.out = el('span', { class: 'value' });
    const button = el(
      'button',
      {
        type: 'button',
        class: 'key',
        'aria-pressed': String(l.on),
        title: `Show or hide ${l.name}`,
        onclick: () => {
          l.on = !l.on;
          button.setAttribute('aria-pressed', String(l.on));
          redraw();
          if (!l.on) l.out.textContent = '';
        },
      },
      swatch,
      el('span', { class: 'name' }, l.name),
      l.out,
    );
    return button;
  }
  function in_words(chart) {
    const said = chart.lines
      .filter((l) => !l.limit)
      .slice(0, 8)
      .map((l) => {
        const known = l.v.filter((v) => v !== null);
        if (known.length === 0) return null;
        const least = Math.min(...(l.least || known)),
          most = Math.max(...(l.most || known));
        return `${l.name} from ${chart.text(least)} to ${chart.text(most)}`;
      })
      .filter(Boolean);
    return `${chart.title}: ${said.join('; ') || 'nothing was measured'}.`;
  }
  function add_chart(chart) {
    const figure = el('figure', { class: 'chart', 'data-chart': chart.id });
    const [area, canvas] = plot('');
    const legend = el('div', { class: 'legend' });
    const summary = el('p', { class: 'unseen' });
    chart.canvas = canvas;
    chart.height = chart.height || 110;
    chart.rebuild = () => {
      const off = new Set((chart.lines || []).filter((l) => !l.on).map((l) => l.name)),
        known = Boolean(chart.lines);
      chart.lines = chart.make();
      if (known)
        chart.lines.forEach((l) => {
          l.on = !off.has(l.name);
        });
      legend.replaceChildren(...chart.lines.map((l) => key_of(l, () => draw_chart(chart))));
      for (const s of legend.querySelectorAll('[data-color]')) s.style.borderTopColor = ink.c[s.dataset.color - 1];
      summary.textContent = in_words(chart);
      canvas.setAttribute('aria-label', in_words(chart));
    };
    chart.rebuild();
    figure.append(
      el(
        'figcaption',
        {},
        el('h4', {}, chart.title, chart.hint ? el('small', {}, ' ' + chart.hint) : ''),
        chart.control || '',
        legend,
      ),
      area,
      summary,
    );
    charts.push(chart);
    return figure;
  }
  const cores_text = (v) => digits(v) + (v === 1 ? ' core' : ' cores');
  function service_charts(service) {
    const of = sample_sets.filter((s) => s.instance.service === service);
    const several = new Set(of.map((s) => s.place)).size > 1;
    const places = [...new Set(of.map((s) => s.place))];
    const out = [];
    const lines_of = (metrics, limit_metric, limit_name) => {
      const lines = [];
      for (const place of places) {
        const metric = metrics.find((m) => of.some((s) => s.place === place && s.metric === m));
        const s = of.find((x) => x.place === place && x.metric === metric);
        if (!s) continue;
        const i = places.indexOf(place);
        lines.push(
          line(
            several ? s.instance.instance : metric === metrics[0] ? service : s.metric.replace(/_/g, ' '),
            (i % 8) + 1,
            s.t,
            s.v,
            { least: s.least, most: s.most, dash: i >= 8 ? [5, 2 + (i >> 3)] : null },
          ),
        );
      }
      const limits = new Map();
      for (const s of of.filter((x) => x.metric === limit_metric && x.v.some((v) => v > 0))) {
        const key = s.v.join();
        if (!limits.has(key)) limits.set(key, line(limit_name, 2, s.t, s.v, { limit: true }));
      }
      return lines.length ? [...lines, ...limits.values()] : [];
    };
    const marks = deaths.filter((d) => d.service === service);
    const add = (id, title, make, text, more) => {
      if (make().length)
        out.push(add_chart({ id: `${id}:${service}`, title, make, text, tick: text, marks, height: 96, ...more }));
    };
    if (service === 'host') {
      add(
        'busy',
        'Machine: busy cores',
        () =>
          lines_of(['busy_cores'], 'cores', 'cores there are').map((l) => ({ ...l, name: l.limit ? l.name : 'busy' })),
        cores_text,
        { tick: digits, hint: 'cores' },
      );
    }
    add('cpu', `${service}: CPU`, () => lines_of(['cpu_cores'], 'cpu_limit_cores', 'limit'), cores_text, {
      tick: digits,
      hint: 'cores',
    });
    add(
      'memory',
      `${service}: memory`,
      () => lines_of(['working_set_bytes', 'resident_bytes', 'proportional_bytes'], 'memory_limit_bytes', 'limit'),
      bytes,
      { base: 1024 },
    );
    return out;
  }
  function lag_chart() {
    const of = sample_sets.filter((s) => s.metric.includes('lag'));
    if (of.length === 0) return null;
    return add_chart({
      id: 'lag',
      title: 'Kafka lag',
      hint: of[0].unit || 'messages',
      text: whole,
      tick: whole,
      make: () =>
        of.map((s, i) =>
          line(s.instance.instance || s.instance.service, (i % 8) + 1, s.t, s.v, {
            least: s.least,
            most: s.most,
            dash: i >= 8 ? [5, 3] : null,
          }),
        ),
    });
  }
  function build_timeline() {
    const requests = sum(load.steps[0].count) > 0;
    const [phase_plot, phase_canvas] = plot(
      'Phases: ' +
        (phases.map((p) => `${p.name} (${p.kind}) from ${clock(p.from)} to ${clock(p.to)}`).join('; ') || 'none') +
        '.',
    );
    lanes.phase = phase_canvas;
    const head = el('div', { class: 'lane sticky' }, readout, phase_plot);
    const groups = [head];
    if (rules.length) {
      const [fault_plot, canvas] = plot(
        'When each rule did something: ' + rules.map((r) => `${r.name}, ${plural(sum(r.n), 'time')}`).join('; ') + '.',
      );
      lanes.fault = canvas;
      groups.push(
        el(
          'figure',
          { class: 'chart' },
          el('figcaption', {}, el('h4', {}, 'What rules did', el('small', {}, ' ledger entries; darker: more'))),
          fault_plot,
        ),
      );
    }
    if (events.length) {
      const [event_plot, canvas] = plot(`${plural(events.length, 'event')}; the list of events has them all.`);
      lanes.event = canvas;
      groups.push(el('div', { class: 'lane' }, event_plot));
    }
    if (requests) {
      const ratio =
        Math.max(1, ...holes(load.steps[0].p99)) / Math.max(1, Math.min(...load.steps[0].p50.filter((v) => v > 0)));
      const chart = {
        id: 'latency',
        title: 'Response',
        hint: 'from when it was due to its end',
        height: 150,
        text: latency,
        tick: latency,
        log: ratio > 40,
        make: () => latency_lines(chosen_step),
      };
      const toggle = el(
        'button',
        {
          type: 'button',
          class: 'toggle',
          id: 'log-scale',
          'aria-pressed': String(chart.log),
          onclick: () => {
            chart.log = !chart.log;
            toggle.setAttribute('aria-pressed', String(chart.log));
            draw_chart(chart);
          },
        },
        'Log scale',
      );
      chart.control = toggle;
      groups.push(
        add_chart({
          id: 'rate',
          title: 'Rate',
          hint: 'requests that ended',
          text: rate,
          tick: digits,
          make: () => rate_lines(chosen_step),
        }),
      );
      groups.push(add_chart(chart));
      if (load.errors.length)
        groups.push(
          add_chart({
            id: 'errors',
            title: 'Errors',
            hint: 'by kind',
            text: rate,
            tick: digits,
            make: () => error_lines(chosen_step),
          }),
        );
    }
    if (user_lines.length)
      groups.push(
        add_chart({ id: 'users', title: 'Users', hint: 'by state', text: whole, tick: whole, make: () => user_lines }),
      );
    groups.push(lag_chart());
    const order = (s) => (s === 'host' ? 2 : s === 'self' || s === 'load' ? 1 : 0);
    const measured = services.filter((s) =>
      sample_sets.some((x) => x.instance.service === s && !x.metric.includes('lag')),
    );
    for (const s of measured.sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1))) groups.push(...service_charts(s));
    timeline.append(...groups.filter(Boolean));

    const select = el(
      'select',
      {
        id: 'step',
        onchange: () => {
          chosen_step = Number(select.value);
          charts.filter((c) => ['rate', 'latency', 'errors'].includes(c.id)).forEach((c) => c.rebuild());
          draw_timeline();
        },
      },
      load.steps.map((s, i) => el('option', { value: i }, i === 0 ? 'All steps' : step_name(s))),
    );
    const legend = el(
      'p',
      { class: 'bands' },
      phases.some((p) => p.kind === 'fault') ? [el('span', { class: 'band fault' }), 'faults'] : null,
      phases.some((p) => p.kind === 'warm-up') ? [el('span', { class: 'band warm-up' }), 'warm-up, not judged'] : null,
      deaths.length ? [el('span', { class: 'cross' }, '✕'), 'end of an instance'] : null,
    );
    const honest = [];
    if (load.bucket_s > 1)
      honest.push(
        `A point of requests is ${load.bucket_s} s: counts are means over it, percentiles are of its merged histogram.`,
      );
    const wide = sample_sets.find((s) => s.bucketed);
    if (wide)
      honest.push(
        `A point of samples is ${duration(wide.bucket_ms)}: the line is the mean, the shade reaches from the least to the most.`,
      );
    section(
      'timeline',
      'Timeline',
      el(
        'div',
        { class: 'tools' },
        requests && load.steps.length > 2 ? el('label', {}, 'Step ', select) : null,
        reset_button,
        range_text,
        legend,
      ),
      el(
        'p',
        { class: 'note', id: 'timeline-help' },
        'Drag to zoom, double click for the whole run. Keys: ← → move the cursor, Shift with them the range, ' +
          '+ and − zoom, Escape resets.',
      ),
      timeline,
      honest.length ? note(honest.join(' ')) : null,
      left_out(data.left_out.steps, 'steps have no line of their own; they'),
      left_out(data.left_out.sample_lines, 'lines of samples'),
    );
    draws.push(draw_timeline);
  }

  // --- first screen --------------------------------------------------------------------------------------------------
  const verdict_words = { passed: ['✓', 'Passed'], failed: ['✕', 'Failed'], inconclusive: ['?', 'Inconclusive'] };
  const total = { count: sum(report.steps.map((s) => s.count)), failed: sum(report.steps.map((s) => s.failed)) };
  const judged_ranges = phases.length ? phases.filter((p) => p.judged) : [{ from: 0, to: end_ms }];
  const is_judged = (ms) => judged_ranges.some((p) => ms >= p.from && ms < p.to);
  function users_known() {
    if (user_lines.length === 0) return null;
    const present = grid.map((_, i) => sum(user_lines.map((l) => l.v[i] || 0)));
    const pausing = user_lines.find((l) => l.name === 'pausing' || l.name === 'waiting');
    const judged = grid.map((t, i) => i).filter((i) => is_judged(grid[i]));
    const requests = report.judged_seconds > 0 ? total.count / report.judged_seconds : 0;
    const mean_pausing = pausing && judged.length ? sum(judged.map((i) => pausing.v[i] || 0)) / judged.length : 0;
    return {
      most: Math.max(0, ...present),
      mean: judged.length ? sum(judged.map((i) => present[i])) / judged.length : 0,
      think_s: requests > 0 && pausing ? mean_pausing / requests : null,
    };
  }
  function fact(name, value, small) {
    return el('div', { class: 'fact' }, el('dt', {}, name), el('dd', {}, value, small ? el('small', {}, small) : null));
  }
  function build_first_screen() {
    const [sign, word] = verdict_words[report.verdict] || [
      '–',
      report.ended_at_ms === null ? 'Not ended' : 'No verdict asked for',
    ];
    const reasons = report.reasons;
    const card = el(
      'div',
      { class: 'verdict ' + (report.verdict || 'none') },
      el('p', { class: 'word' }, el('span', { class: 'sign', 'aria-hidden': 'true' }, sign), word),
      reasons.length
        ? el(
            'ol',
            {},
            reasons.slice(0, 3).map((r) => el('li', {}, r)),
          )
        : null,
      reasons.length > 3
        ? el(
            'details',
            {},
            el('summary', {}, plural(reasons.length - 3, 'more reason')),
            el(
              'ol',
              { start: 4 },
              reasons.slice(3).map((r) => el('li', {}, r)),
            ),
          )
        : null,
    );
    const users = users_known();
    const response = (data.spectra.find((s) => s.phase === '' && s.step === '') || {}).points;
    const at = (eighth) =>
      response && response.us.length > eighth ? response.us[eighth] : response ? response.max : null;
    const facts = [
      fact('When', report.started.slice(0, 10), ' ' + report.started.slice(11, 19) + ' UTC'),
      fact(
        'How long',
        duration(end_ms),
        report.judged_seconds * 1000 < end_ms - 999 ? ` ${duration(report.judged_seconds * 1000)} judged` : '',
      ),
      fact('Where', report.host || 'unknown'),
    ];
    if (total.count) {
      facts.push(
        fact(
          'Requests',
          whole(total.count),
          report.judged_seconds > 0 ? ` ${rate(total.count / report.judged_seconds)}` : '',
        ),
      );
      facts.push(fact('Failed', whole(total.failed), ' ' + percent(total.failed, total.count)));
      facts.push(fact('Response p50', latency(response && response.p50), ''));
      facts.push(fact('Response p99', latency(at(16)), ` max ${latency(response && response.max)}`));
    }
    if (users) {
      facts.push(fact('Users at once', 'at most ' + whole(users.most), ` mean ${digits(users.mean)}`));
      if (users.think_s !== null)
        facts.push(fact('Think time', digits(users.think_s) + ' s', ' a request, pausing users ÷ rate'));
    }
    const measured = report.instances.filter(
      (i, place) =>
        i.service !== 'host' &&
        sample_sets.some((s) => s.place === place && /^(cpu|working_set|resident)/.test(s.metric)),
    );
    if (measured.length)
      facts.push(
        fact(
          'Watched',
          plural(new Set(measured.map((i) => i.service)).size, 'service'),
          ' ' + plural(measured.length, 'instance') + (deaths.length ? `, ${deaths.length} ended` : ''),
        ),
      );
    const wrong = [
      ...report.checks
        .filter((c) => c.outcome !== 'passed')
        .map((c) => [
          c.outcome,
          `${c.name}${c.phase ? ` (${c.phase})` : ''}: expected ${c.expected}, found ${c.found || 'nothing'}${c.reason ? `: ${c.reason}` : ''}`,
        ]),
      ...deaths.slice(0, 3).map((d) => ['ended', `${clock(d.at)} ${d.text}`]),
      ...report.errors
        .slice(0, 3)
        .map((e) => ['errors', `${whole(e.count)} × ${e.kind}${e.step ? ` at ${e.step}` : ''}`]),
    ];
    const kinds = { load: 'Load', watch: 'Watch', experiment: 'Experiment' };
    main.append(
      el(
        'section',
        { id: 'verdict', class: 'first', 'aria-labelledby': 'title' },
        el(
          'p',
          { class: 'kind' },
          kinds[report.kind] || report.kind,
          report.source_file ? ` · ${report.source_file}` : '',
        ),
        el('h1', { id: 'title' }, report.title || 'A run'),
        report.hypothesis ? el('blockquote', {}, report.hypothesis) : null,
        card,
        el('dl', { class: 'facts' }, facts),
        wrong.length
          ? el(
              'div',
              { class: 'wrong' },
              el('h2', {}, 'What went wrong'),
              el(
                'ul',
                {},
                wrong
                  .slice(0, 8)
                  .map(([kind, text]) => el('li', {}, el('span', { class: 'tag ' + kind }, kind), ' ' + text)),
              ),
              wrong.length > 8 ? note(`${wrong.length - 8} more below.`) : null,
            )
          : null,
      ),
    );
    sections.push(['verdict', 'Verdict']);
  }

  // --- the rest ------------------------------------------------------------------------------------------------------
  const step_columns = (() => {
    const of = (name, series, percentile, hint) => ({
      name,
      hint,
      text: (s) => latency(s[series] && s[series][percentile]),
      value: (s) => (s[series] ? s[series][percentile] : null),
    });
    return [
      { name: 'step', text: step_name },
      { name: 'count', text: (s) => whole(s.count), value: (s) => s.count },
      {
        name: 'failed',
        text: (s) => (s.failed ? `${whole(s.failed)} (${percent(s.failed, s.count)})` : '0'),
        value: (s) => s.failed,
        kind: (s) => (s.failed ? 'bad' : ''),
      },
      { name: 'rate', text: (s) => (s.rate_per_s === null ? '–' : rate(s.rate_per_s)), value: (s) => s.rate_per_s },
      of('p50', 'response_us', 'p50', 'Response: half were faster'),
      of('p95', 'response_us', 'p95', 'Response'),
      of('p99', 'response_us', 'p99', 'Response'),
      of('p99.9', 'response_us', 'p999', 'Response'),
      of('max', 'response_us', 'max', 'Response'),
      of('service p99', 'service_us', 'p99', 'From when it was really sent'),
      of('slip p99', 'slip_us', 'p99', 'How late the generator sent it'),
    ];
  })();
  function build_steps() {
    if (report.steps.length === 0 && phases.every((p) => p.steps.length === 0)) return;
    const one = phases.length === 1 && phases[0].judged;
    section(
      'steps',
      'Steps',
      note('Latencies are responses: from the instant a request was due to its end. Click a column to sort.'),
      report.steps.length
        ? table(one ? `Phase ${phases[0].name}` : 'All judged phases', step_columns, report.steps, { class: 'steps' })
        : null,
      one
        ? null
        : phases
            .filter((p) => p.steps.length)
            .map((p) =>
              el(
                'details',
                { open: phases.length <= 6 },
                el(
                  'summary',
                  {},
                  el('span', { class: 'phase ' + p.kind }, p.name),
                  ` ${clock(p.from)} – ${clock(p.to)}${p.judged ? '' : ', not judged'}`,
                ),
                table(`Phase ${p.name}`, step_columns, p.steps, { class: 'steps' }),
              ),
            ),
    );
  }
  function build_spectrum() {
    if (data.spectra.length === 0) return;
    const key = (s) => s.scenario + '\n' + s.step;
    const choices = [];
    if (phases.length > 1)
      for (const s of data.spectra.filter((x) => x.phase === ''))
        choices.push([
          'Phases of one step',
          step_name(s),
          data.spectra.filter((x) => key(x) === key(s)).map((x) => ({ name: x.phase || 'judged', points: x.points })),
        ]);
    for (const p of ['', ...phases.map((x) => x.name)]) {
      const of = data.spectra.filter((x) => x.phase === p);
      if (of.length && (p === '' || phases.length > 1))
        choices.push([
          'Steps of one phase',
          p || 'all judged phases',
          of.map((x) => ({ name: step_name(x), points: x.points })),
        ]);
    }
    let shown = [];
    let pointed = null;
    const canvas = el('canvas', { role: 'img' });
    const area = el(
      'div',
      {
        class: 'plot',
        tabindex: '0',
        role: 'group',
        'aria-label': 'Latency by percentile; left and right arrow read values',
      },
      canvas,
      el('div', { class: 'cursor', hidden: true }),
    );
    const legend = el('div', { class: 'legend' });
    const where = el('p', { class: 'note where' });
    const as_table = el('div');
    const most_eighth = () => Math.max(8, ...shown.filter((l) => l.on).map((l) => l.points.us.length));
    const percentile = (e) => 100 * (1 - 10 ** (-e / 8));
    const percentile_text = (e) => percentile(e).toFixed(e < 8 ? 0 : Math.ceil(e / 8) - (e % 8 === 0 ? 1 : 0)) + ' %';
    const value = (l, e) => (e < l.points.us.length ? l.points.us[e] : l.points.max);
    const width_of = () => print_width || Math.max(120, area.clientWidth);
    const x = (e) => gutter() + (e / most_eighth()) * (width_of() - gutter() - right_edge);
    function draw() {
      const { g, width, height } = prepare(canvas, 280);
      const on = shown.filter((l) => l.on);
      const all = on.flatMap((l) => [...l.points.us, l.points.max]).filter((v) => v > 0);
      if (all.length === 0) return;
      const scale = log_scale(Math.min(...all) * 0.85, Math.max(...all) * 1.2);
      const pad = 6,
        bottom = 22,
        room = height - pad - bottom;
      const y = (v) => pad + room - scale.y(v) * room;
      g.textBaseline = 'middle';
      g.textAlign = 'right';
      for (const v of scale.ticks) {
        g.strokeStyle = ink.grid;
        g.beginPath();
        g.moveTo(gutter(), Math.round(y(v)) + 0.5);
        g.lineTo(width - right_edge, Math.round(y(v)) + 0.5);
        g.stroke();
        g.fillStyle = ink.faint;
        g.fillText(short(latency(v)), gutter() - 8, y(v));
      }
      g.textAlign = 'center';
      const marks = [
        [0, '0'],
        [8 * Math.log10(2), '50 %'],
        [8, '90 %'],
        [16, '99 %'],
        [24, '99.9 %'],
        [32, '99.99 %'],
        [40, '99.999 %'],
        [48, '99.9999 %'],
      ];
      for (const [e, text] of marks) {
        if (e > most_eighth()) continue;
        g.strokeStyle = ink.grid;
        g.beginPath();
        g.moveTo(Math.round(x(e)) + 0.5, pad);
        g.lineTo(Math.round(x(e)) + 0.5, pad + room);
        g.stroke();
        g.fillStyle = ink.faint;
        g.fillText(text, Math.min(x(e), width - 24), height - 10);
      }
      on.forEach((l) => {
        g.strokeStyle = ink.c[l.color - 1];
        g.lineWidth = l.first ? 2.4 : 1.6;
        g.setLineDash(l.dash || []);
        g.beginPath();
        l.points.us.forEach((v, e) => g.lineTo(x(e), y(Math.max(v, 0.1))));
        if (l.points.count > 1)
          g.lineTo(Math.min(x(8 * Math.log10(l.points.count)), width - right_edge), y(l.points.max));
        g.stroke();
        g.setLineDash([]);
      });
    }
    function point(e) {
      pointed = e === null ? null : Math.max(0, Math.min(most_eighth(), e));
      const mark = area.querySelector('.cursor');
      mark.hidden = pointed === null;
      if (pointed !== null) mark.style.left = x(pointed) + 'px';
      for (const l of shown) l.out.textContent = pointed === null ? '' : latency(value(l, pointed));
      where.textContent =
        pointed === null
          ? 'Percentiles on the scale of nines: each mark to the right leaves a tenth as many requests above it. ' +
            'Lines end with the slowest one.'
          : `${percentile_text(pointed)} of requests took at most:`;
    }
    area.addEventListener('pointermove', (e) =>
      point(
        Math.round(
          ((e.clientX - area.getBoundingClientRect().left - gutter()) / (width_of() - gutter() - right_edge)) *
            most_eighth(),
        ),
      ),
    );
    area.addEventListener('pointerleave', () => point(null));
    area.addEventListener('keydown', (e) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (by) {
        e.preventDefault();
        point(pointed === null ? 8 : pointed + by);
        document.getElementById('live').textContent =
          where.textContent +
          ' ' +
          shown
            .filter((l) => l.on)
            .map((l) => `${l.name} ${l.out.textContent}`)
            .join(', ');
      }
      if (e.key === 'Escape') point(null);
    });
    function choose(i) {
      shown = choices[i][2].map((l, j) => ({
        ...l,
        color: (j % 8) + 1,
        on: j < 9,
        first: j === 0,
        dash: j >= 8 ? [5, 3] : null,
      }));
      legend.replaceChildren(...shown.map((l) => key_of(l, draw)));
      for (const s of legend.querySelectorAll('[data-color]'))
        s.style.borderTopColor = (ink.c || [])[s.dataset.color - 1] || '';
      const at = [
        [8, 'p90'],
        [16, 'p99'],
        [24, 'p99.9'],
        [32, 'p99.99'],
      ];
      as_table.replaceChildren(
        table(
          'Response by percentile: ' + choices[i][1],
          [
            { name: choices[i][0] === 'Steps of one phase' ? 'step' : 'phase', text: (l) => l.name },
            { name: 'count', text: (l) => whole(l.points.count), value: (l) => l.points.count },
            { name: 'p50', text: (l) => latency(l.points.p50), value: (l) => l.points.p50 },
            ...at.map(([e, name]) => ({
              name,
              text: (l) => (e < l.points.us.length ? latency(l.points.us[e]) : '–'),
              value: (l) => (e < l.points.us.length ? l.points.us[e] : null),
            })),
            { name: 'max', text: (l) => latency(l.points.max), value: (l) => l.points.max },
          ],
          shown,
        ),
      );
      canvas.setAttribute(
        'aria-label',
        `Response by percentile, ${choices[i][1]}: ` +
          shown
            .map(
              (l) =>
                `${l.name} p90 ${latency(value(l, 8))}, p99 ${latency(value(l, 16))}, max ${latency(l.points.max)}`,
            )
            .join('; '),
      );
      point(null);
      draw();
    }
    const select = el('select', { id: 'spectrum-of', onchange: () => choose(Number(select.value)) });
    for (const group of new Set(choices.map((c) => c[0])))
      select.append(
        el(
          'optgroup',
          { label: group },
          choices.map((c, i) => (c[0] === group ? el('option', { value: i }, c[1]) : null)),
        ),
      );
    section(
      'latency',
      'Latency spectrum',
      el('div', { class: 'tools' }, el('label', {}, 'Compare ', select)),
      where,
      legend,
      area,
      as_table,
    );
    choose(0);
    draws.push(draw);
  }
  function build_checks() {
    if (report.checks.length === 0) return;
    const signs = { passed: '✓ held', failed: '✕ failed', inconclusive: '? inconclusive' };
    section(
      'checks',
      'Checks',
      table(
        'What had to hold',
        [
          { name: 'check', text: (c) => c.name },
          { name: 'phase', text: (c) => c.phase || 'whole run' },
          {
            name: 'outcome',
            text: (c) => el('span', { class: 'tag ' + c.outcome }, signs[c.outcome]),
            sort: (c) => c.outcome,
          },
          { name: 'expected', text: (c) => c.expected },
          { name: 'found', text: (c) => (c.found || 'nothing') + (c.reason ? ` (${c.reason})` : '') },
        ],
        report.checks,
      ),
    );
  }
  function build_errors() {
    const awaits = report.notes.filter((n) => n.kind === 'await');
    const parts = [];
    if (report.errors.length) {
      parts.push(
        table(
          'Errors of judged phases',
          [
            { name: 'kind', text: (e) => e.kind },
            { name: 'step', text: (e) => (e.step ? step_name(e) : 'of no step') },
            { name: 'count', text: (e) => whole(e.count), value: (e) => e.count },
            { name: 'of requests', text: (e) => percent(e.count, total.count), value: (e) => e.count },
          ],
          report.errors,
        ),
      );
      parts.push(left_out(data.left_out.errors, 'rows'));
    }
    if (awaits.length)
      parts.push(
        el('h3', {}, 'Events that were awaited'),
        el(
          'ul',
          { class: 'plain' },
          awaits.map((n) => el('li', {}, n.text)),
        ),
      );
    if (data.witnesses.length) {
      parts.push(
        el(
          'details',
          {},
          el('summary', {}, `${plural(data.witnesses.length, 'request')} kept as evidence`),
          table(
            'Witnesses: the slowest of each step and kind',
            [
              { name: 'at', text: (w) => go_to(w.at_ms), value: (w) => w.at_ms },
              { name: 'step', text: step_name },
              { name: 'kind', text: (w) => w.kind || 'slow' },
              { name: 'response', text: (w) => latency(w.response_us), value: (w) => w.response_us },
              { name: 'user', text: (w) => whole(w.user), value: (w) => w.user },
              { name: 'detail', text: (w) => w.detail },
            ],
            data.witnesses,
          ),
          left_out(data.left_out.witnesses, 'witnesses'),
        ),
      );
    }
    if (parts.length) section('errors', 'Errors and evidence', ...parts);
  }
  function build_faults() {
    if (report.rules.length === 0 && data.ledger.length === 0) return;
    section(
      'faults',
      'What the faults did',
      report.rules.length
        ? table(
            'Rules: exact counts',
            [
              { name: 'rule', text: (r) => r.rule },
              { name: 'effect', text: (r) => r.effect },
              { name: 'matched', text: (r) => whole(r.matched), value: (r) => r.matched },
              {
                name: 'injected',
                text: (r) => whole(r.injected),
                value: (r) => r.injected,
                kind: (r) => (r.injected === 0 ? 'bad' : ''),
              },
              { name: 'skipped', text: (r) => whole(r.skipped), value: (r) => r.skipped },
              {
                name: 'share',
                text: (r) => percent(r.injected, r.matched),
                value: (r) => (r.matched ? r.injected / r.matched : 0),
              },
            ],
            report.rules,
          )
        : null,
      data.ledger.length
        ? el(
            'details',
            {},
            el('summary', {}, `The first ledger entries of each rule`),
            table(
              'Ledger entries',
              [
                { name: 'entry', text: (e) => whole(e.sequence), value: (e) => e.sequence },
                { name: 'at', text: (e) => go_to(e.at_ms), value: (e) => e.at_ms },
                { name: 'rule', text: (e) => e.rule },
                { name: 'effect', text: (e) => e.effect },
                { name: 'state', text: (e) => e.state },
                { name: 'topic', text: (e) => e.topic + (e.partition === null ? '' : ' / ' + e.partition) },
                { name: 'line', text: (e) => el('code', {}, e.json) },
              ],
              data.ledger,
            ),
            left_out(data.left_out.ledger, 'entries'),
          )
        : null,
    );
  }
  function go_to(ms) {
    return el(
      'button',
      {
        type: 'button',
        class: 'go',
        title: 'Show on the timeline',
        onclick: () => {
          if (ms < view.from || ms > view.to) reset();
          set_cursor(ms);
          document.getElementById('timeline').scrollIntoView();
          timeline.focus({ preventScroll: true });
        },
      },
      clock(Math.max(0, ms), true),
    );
  }
  function build_instances() {
    if (report.instances.length === 0) return;
    const ends = (i) =>
      i.death
        ? `${i.death.cause}${i.death.exit_code !== null ? `, exit code ${i.death.exit_code}` : ''}${i.death.signal !== null ? `, signal ${i.death.signal}` : ''}`
        : 'still there at the end';
    section(
      'instances',
      'Instances',
      table(
        'Replicas, each from its start to its end',
        [
          { name: 'service', text: (i) => i.service },
          { name: 'instance', text: (i) => i.instance },
          { name: 'first seen', text: (i) => go_to(i.seen_at_ms), value: (i) => i.seen_at_ms },
          {
            name: 'ended',
            text: (i) => (i.death ? go_to(i.death.at_ms) : '–'),
            value: (i) => (i.death ? i.death.at_ms : null),
          },
          { name: 'cause', text: ends, kind: (i) => (i.death ? 'bad' : '') },
          { name: 'evidence', text: (i) => (i.death && i.death.evidence) || '' },
        ],
        report.instances,
      ),
      left_out(data.left_out.instances, 'instances'),
    );
  }
  function build_events() {
    if (events.length === 0) return;
    section(
      'events',
      'Events',
      table(
        'What happened, in order',
        [
          { name: 'at', text: (e) => go_to(e.at), value: (e) => e.at },
          { name: 'phase', text: (e) => (phase_at(e.at) || { name: '' }).name },
          {
            name: 'kind',
            text: (e) => el('span', { class: 'tag ' + (e.kind === 'death' ? 'failed' : '') }, e.kind),
            sort: (e) => e.kind,
          },
          { name: 'what', text: (e) => e.text },
        ],
        events,
        { class: 'events' },
      ),
      left_out(data.left_out.notes, 'notes'),
    );
  }
  function copy_button(text, of) {
    const button = el(
      'button',
      {
        type: 'button',
        class: 'copy',
        onclick: async () => {
          let done = true;
          try {
            await navigator.clipboard.writeText(text);
          } catch (refused) {
            const range = document.createRange();
            range.selectNodeContents(of);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
            done = document.execCommand('copy');
          }
          button.textContent = done ? 'Copied' : 'Selected: copy it';
          setTimeout(() => {
            button.textContent = 'Copy';
          }, 2000);
        },
      },
      'Copy',
    );
    return button;
  }
  function build_environment() {
    const command = el('code', {}, report.command_line);
    const rows = [
      ['Seed', report.seed],
      ['Host', report.host],
      ['Started', report.started],
      ...Object.entries(report.versions).map(([c, v]) => [c, v]),
    ];
    const source = el('code', {}, data.source.text);
    section(
      'environment',
      'To do it again',
      report.command_line
        ? el('div', { class: 'copyable' }, el('pre', {}, command), copy_button(report.command_line, command))
        : null,
      table(
        'Where and with what',
        [
          { name: 'what', text: (r) => r[0] },
          { name: 'value', text: (r) => r[1] },
        ],
        rows,
        { class: 'narrow' },
      ),
      data.source.text
        ? el(
            'details',
            {},
            el('summary', {}, `The file it was made from: ${report.source_file}`),
            el('div', { class: 'copyable' }, el('pre', {}, source), copy_button(data.source.text, source)),
            data.source.is_cut ? note('The file is longer; the run’s folder has all of it.') : null,
          )
        : null,
    );
  }

  // --- put together --------------------------------------------------------------------------------------------------
  read_ink();
  build_first_screen();
  build_timeline();
  build_checks();
  build_steps();
  build_spectrum();
  build_errors();
  build_faults();
  build_instances();
  build_events();
  build_environment();
  document.getElementById('nav').append(...sections.map(([id, title]) => el('a', { href: '#' + id }, title)));
  document
    .getElementById('footer')
    .append(
      `Chaos Broker ${report.versions.chaosbroker || ''} · everything on this page is in this one file; run.db and latency.hlog beside it hold what it was made from.`,
    );
  const dark = matchMedia('(prefers-color-scheme: dark)');
  set_theme(dark.matches ? 'dark' : 'light');
  let by_hand = false;
  dark.addEventListener('change', () => {
    if (!by_hand) set_theme(dark.matches ? 'dark' : 'light');
  });
  theme_button.addEventListener('click', () => {
    by_hand = true;
    set_theme(root.dataset.theme === 'dark' ? 'light' : 'dark');
  });
  let drawn_width = window.innerWidth;
  window.addEventListener('resize', () => {
    if (window.innerWidth !== drawn_width) {
      drawn_width = window.innerWidth;
      requestAnimationFrame(draw_all);
    }
  });
  let before_print = null;
  function print_begins() {
    if (before_print) return;
    before_print = { theme: root.dataset.theme, closed: [...document.querySelectorAll('details:not([open])')] };
    before_print.closed.forEach((d) => {
      d.open = true;
    });
    print_width = 720;
    set_theme('light');
  }
  function print_ends() {
    if (!before_print) return;
    before_print.closed.forEach((d) => {
      d.open = false;
    });
    print_width = 0;
    set_theme(before_print.theme);
    before_print = null;
  }
  window.addEventListener('beforeprint', print_begins);
  window.addEventListener('afterprint', print_ends);
  matchMedia('print').addEventListener('change', (e) => (e.matches ? print_begins() : print_ends()));
  root.dataset.ready = 'yes';
})();
