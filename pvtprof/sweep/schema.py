"""The schema of a store of a sweep, in SQL, and what tells such a file from any other.

A new version adds to VERSION, and to UPGRADES what makes it of the version before.
"""

from __future__ import annotations

#: What a store says that it is: "pvtp" in ASCII. SQLite keeps it in the head of the file.
APPLICATION_ID = 0x70767470
VERSION = 1

TABLES = """
CREATE TABLE "row" (        -- what was asked for, and its closed form
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,             -- Planned.key
  place REAL NOT NULL,                  -- random by seed: the order of measuring
  tries INTEGER NOT NULL DEFAULT 0,     -- how many of `measured` are of it
  model TEXT, design TEXT, part TEXT, height INTEGER, width INTEGER, sr_ratios TEXT,
  pool_size INTEGER, batch INTEGER, dtype TEXT, attention TEXT, mode TEXT, task TEXT,
  device TEXT, threads INTEGER, changes TEXT, target TEXT, at TEXT,
  content TEXT,                         -- a hash of what a design file said
  macs INTEGER, params INTEGER, moved_bytes INTEGER, peak_bytes INTEGER,
  predicted_s REAL, predicted_for TEXT, -- a prediction, and the machine that it is for
  refused TEXT                          -- why the closed form says no; then nothing is measured
);
CREATE INDEX row_next ON "row" (tries, place) WHERE refused IS NULL;
CREATE TABLE environment (
  id INTEGER PRIMARY KEY,
  machine TEXT NOT NULL,                -- the same where two times may be compared
  json TEXT NOT NULL,                   -- an Environment without its date
  UNIQUE (machine, json)
);
CREATE TABLE measured (     -- one try of a row: a time with its samples, or a reason
  id INTEGER PRIMARY KEY,
  "row" INTEGER REFERENCES "row",       -- NULL: the reference, which is no row of the sweep
  environment INTEGER NOT NULL REFERENCES environment,
  worker TEXT NOT NULL, date TEXT NOT NULL,
  spent_s REAL NOT NULL,                -- everything: the process, building, timing
  timing_s REAL,                        -- the timing alone, warm-up and all
  median_s REAL, low_s REAL, high_s REAL,
  measurement TEXT,                     -- a Measurement as JSON: every sample
  failure TEXT,
  is_reference INTEGER NOT NULL DEFAULT 0,
  CHECK ((measurement IS NULL) = (median_s IS NULL)),
  CHECK ((measurement IS NULL) != (failure IS NULL)),
  CHECK (("row" IS NULL) = is_reference)
);
CREATE INDEX measured_row ON measured ("row");
CREATE TABLE lease (        -- who measures a row now
  "row" INTEGER PRIMARY KEY REFERENCES "row",
  worker TEXT NOT NULL,
  host TEXT NOT NULL, pid INTEGER, started TEXT,   -- the process that took it: see processes.py
  until REAL NOT NULL                   -- seconds since 1970; from then on it is given back
);
CREATE TABLE calibration (machine TEXT, dtype TEXT, date TEXT, json TEXT NOT NULL);
"""

#: Every row with what was measured of it, for each machine by itself; a row that nobody measured
#: is there once, without a machine. Of several tries: the median of their medians, and the interval
#: that holds all of theirs, and the medians of tries that were too few samples for an interval.
#: ``failure`` is the last one of a row that has no time.
VIEWS = """
CREATE VIEW rows AS
WITH timed AS (
  SELECT m."row" AS id, e.machine, m.median_s, m.low_s, m.high_s,
    row_number() OVER (PARTITION BY m."row", e.machine ORDER BY m.median_s) AS n,
    count(*) OVER (PARTITION BY m."row", e.machine) AS times
  FROM measured AS m JOIN environment AS e ON e.id = m.environment
  WHERE m.median_s IS NOT NULL AND NOT m.is_reference
), latency AS (
  SELECT id, machine,
    avg(median_s) FILTER (WHERE n IN ((times + 1) / 2, times / 2 + 1)) AS latency_s,
    CASE WHEN count(low_s) > 0 THEN min(coalesce(low_s, median_s)) END AS latency_low_s,
    CASE WHEN count(high_s) > 0 THEN max(coalesce(high_s, median_s)) END AS latency_high_s
  FROM timed GROUP BY id, machine
), tried AS (
  SELECT m."row" AS id, e.machine, count(*) AS tries, count(m.failure) AS failures,
    max(CASE WHEN m.failure IS NOT NULL THEN m.id END) AS last
  FROM measured AS m JOIN environment AS e ON e.id = m.environment
  WHERE NOT m.is_reference GROUP BY m."row", e.machine
)
SELECT r.id, r.model, r.design, r.part, r.height, r.width, r.sr_ratios, r.pool_size, r.batch,
  r.dtype, r.attention, r.mode, r.task, r.threads, r.device, r.changes, r.target, r.at, r.content,
  r.macs, r.params, r.moved_bytes, r.peak_bytes,
  latency.latency_s, latency.latency_low_s, latency.latency_high_s,
  CASE WHEN tried.machine IS NULL OR tried.machine IS r.predicted_for THEN r.predicted_s END
    AS predicted_s,
  coalesce(tried.tries, 0) AS tries, coalesce(tried.failures, 0) AS failures,
  CASE WHEN r.refused IS NOT NULL THEN r.refused WHEN latency.latency_s IS NULL THEN f.failure END
    AS failure,
  tried.machine, r.key, r.place
FROM "row" AS r
LEFT JOIN tried ON tried.id = r.id
LEFT JOIN latency ON latency.id = r.id AND latency.machine = tried.machine
LEFT JOIN measured AS f ON f.id = tried.last;
"""

#: What makes a store of the version before into one of this version.
UPGRADES: dict[int, str] = {}
