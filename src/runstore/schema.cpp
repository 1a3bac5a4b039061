// SPDX-License-Identifier: Apache-2.0
#include "runstore/schema.hpp"

namespace cb::runstore {

// Tables are what is written, in the order of time wherever there are many rows: a second's rows go to the end of the
// file. Views are what people ask: names in place of ids, milliseconds in place of nanoseconds.
const char* const schema_sql = R"sql(
PRAGMA application_id = 1128419918;
PRAGMA user_version = 1;

CREATE TABLE run (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    title TEXT NOT NULL, kind TEXT NOT NULL, hypothesis TEXT NOT NULL,
    seed TEXT NOT NULL, command_line TEXT NOT NULL, source_file TEXT NOT NULL, host TEXT NOT NULL,
    started_ms INTEGER NOT NULL, started_mono_ns INTEGER NOT NULL,
    ended_at_ms INTEGER, verdict TEXT CHECK (verdict IN ('passed', 'failed', 'inconclusive'))
);
CREATE TABLE verdict_reason (position INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE version (component TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE phase (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, start_at_ms INTEGER NOT NULL, end_at_ms INTEGER,
    judged INTEGER NOT NULL
);

CREATE TABLE step (
    id INTEGER PRIMARY KEY, scenario TEXT NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL UNIQUE,
    UNIQUE (scenario, name)
);
CREATE TABLE step_second (
    second INTEGER NOT NULL, step_id INTEGER NOT NULL REFERENCES step (id),
    count INTEGER NOT NULL, failed INTEGER NOT NULL, bytes_sent INTEGER NOT NULL, bytes_received INTEGER NOT NULL,
    PRIMARY KEY (second, step_id)
) WITHOUT ROWID;
CREATE TABLE latency_second (
    second INTEGER NOT NULL, step_id INTEGER NOT NULL REFERENCES step (id),
    series TEXT NOT NULL CHECK (series IN ('response', 'service', 'slip', 'failed')),
    count INTEGER NOT NULL, out_of_range INTEGER NOT NULL,
    p50_ns INTEGER NOT NULL, p95_ns INTEGER NOT NULL, p99_ns INTEGER NOT NULL, p999_ns INTEGER NOT NULL,
    max_ns INTEGER NOT NULL,
    hlog_at INTEGER NOT NULL, hlog_bytes INTEGER NOT NULL,
    PRIMARY KEY (second, step_id, series)
) WITHOUT ROWID;
CREATE TABLE error_kind (id INTEGER PRIMARY KEY, kind TEXT NOT NULL UNIQUE);
CREATE TABLE error_second (
    second INTEGER NOT NULL, step_id INTEGER REFERENCES step (id),
    kind_id INTEGER NOT NULL REFERENCES error_kind (id), count INTEGER NOT NULL
);
CREATE TABLE witness (
    at_ms INTEGER NOT NULL, step_id INTEGER NOT NULL REFERENCES step (id), kind_id INTEGER REFERENCES error_kind (id),
    user INTEGER NOT NULL, response_ns INTEGER NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE await_second (
    second INTEGER NOT NULL, step_id INTEGER NOT NULL REFERENCES step (id),
    came INTEGER NOT NULL, missing INTEGER NOT NULL, doubled INTEGER NOT NULL, late INTEGER NOT NULL,
    early INTEGER NOT NULL, PRIMARY KEY (second, step_id)
) WITHOUT ROWID;
CREATE TABLE user_second (
    second INTEGER NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (second, state)
) WITHOUT ROWID;

CREATE TABLE instance (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, name TEXT NOT NULL, identity TEXT NOT NULL,
    seen_at_ms INTEGER NOT NULL, detail TEXT NOT NULL, UNIQUE (service, identity)
);
CREATE TABLE death (
    instance_id INTEGER PRIMARY KEY REFERENCES instance (id), at_ms INTEGER NOT NULL,
    exit_code INTEGER, signal INTEGER, cause TEXT NOT NULL, evidence TEXT NOT NULL
);
CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, unit TEXT NOT NULL);
CREATE TABLE sample (
    at_ms INTEGER NOT NULL, instance_id INTEGER NOT NULL REFERENCES instance (id),
    metric_id INTEGER NOT NULL REFERENCES metric (id), value REAL NOT NULL
);

CREATE TABLE ledger_entry (
    sequence INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, rule TEXT NOT NULL, effect TEXT NOT NULL,
    state TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER, json TEXT NOT NULL
);
CREATE TABLE rule_count (
    rule TEXT PRIMARY KEY, effect TEXT NOT NULL, matched INTEGER NOT NULL, injected INTEGER NOT NULL,
    skipped INTEGER NOT NULL
);
CREATE TABLE check_result (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, phase TEXT NOT NULL, expected TEXT NOT NULL, found TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('passed', 'failed', 'inconclusive')), reason TEXT NOT NULL
);
CREATE TABLE note (at_ms INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);

CREATE VIEW requests AS
    SELECT s.second, t.scenario, t.name AS step, s.count, s.failed, s.bytes_sent, s.bytes_received,
        r.p50_ns / 1e6 AS response_p50_ms, r.p95_ns / 1e6 AS response_p95_ms, r.p99_ns / 1e6 AS response_p99_ms,
        r.p999_ns / 1e6 AS response_p999_ms, r.max_ns / 1e6 AS response_max_ms,
        v.p99_ns / 1e6 AS service_p99_ms, l.p99_ns / 1e6 AS slip_p99_ms
    FROM step_second s JOIN step t ON t.id = s.step_id
    LEFT JOIN latency_second r ON r.second = s.second AND r.step_id = s.step_id AND r.series = 'response'
    LEFT JOIN latency_second v ON v.second = s.second AND v.step_id = s.step_id AND v.series = 'service'
    LEFT JOIN latency_second l ON l.second = s.second AND l.step_id = s.step_id AND l.series = 'slip';
CREATE VIEW steps AS
    SELECT t.id, t.scenario, t.name AS step, t.tag, SUM(s.count) AS count, SUM(s.failed) AS failed,
        SUM(s.bytes_sent) AS bytes_sent, SUM(s.bytes_received) AS bytes_received
    FROM step t LEFT JOIN step_second s ON s.step_id = t.id GROUP BY t.id;
CREATE VIEW phases AS
    SELECT p.id, p.name, p.start_at_ms / 1e3 AS start_s, p.end_at_ms / 1e3 AS end_s, p.judged FROM phase p;
CREATE VIEW errors AS
    SELECT e.second, t.scenario, t.name AS step, k.kind, e.count
    FROM error_second e JOIN error_kind k ON k.id = e.kind_id LEFT JOIN step t ON t.id = e.step_id;
CREATE VIEW witnesses AS
    SELECT w.at_ms / 1e3 AS at_s, t.scenario, t.name AS step, k.kind, w.user, w.response_ns / 1e6 AS response_ms,
        w.detail
    FROM witness w JOIN step t ON t.id = w.step_id LEFT JOIN error_kind k ON k.id = w.kind_id;
CREATE VIEW awaits AS
    SELECT a.second, t.scenario, t.name AS step, a.came, a.missing, a.doubled, a.late, a.early
    FROM await_second a JOIN step t ON t.id = a.step_id;
CREATE VIEW samples AS
    SELECT s.at_ms / 1e3 AS at_s, i.service, i.name AS instance, s.instance_id, m.name AS metric, m.unit, s.value
    FROM sample s JOIN instance i ON i.id = s.instance_id JOIN metric m ON m.id = s.metric_id;
CREATE VIEW deaths AS
    SELECT d.at_ms / 1e3 AS at_s, i.service, i.name AS instance, d.exit_code, d.signal, d.cause, d.evidence
    FROM death d JOIN instance i ON i.id = d.instance_id;
)sql";

} // namespace cb::runstore
