-- Tasks, and what starts them. Times are nanoseconds since 1970 (UTC). Kept to what PostgreSQL understands too.

CREATE TABLE task (
  name        TEXT NOT NULL PRIMARY KEY,
  folded_name TEXT NOT NULL UNIQUE,       -- in lower case: names differ by more than that
  etag        TEXT NOT NULL,
  create_time BIGINT NOT NULL,
  update_time BIGINT NOT NULL,
  enabled     INTEGER NOT NULL,
  spec        TEXT NOT NULL,              -- JSON, without secrets
  sealed      BLOB                        -- its secrets, encrypted
);

-- When each timer last became due: what is earlier is not made up for.
CREATE TABLE task_timer (
  task       TEXT NOT NULL REFERENCES task (name) ON DELETE CASCADE,
  timer      TEXT NOT NULL,
  schedule   TEXT NOT NULL,               -- with its zone; another one begins anew
  last_time  BIGINT NOT NULL,
  PRIMARY KEY (task, timer)
);

-- What the image of the last successful run of a task was built from.
CREATE TABLE task_base (
  task       TEXT NOT NULL REFERENCES task (name) ON DELETE CASCADE,
  position   INTEGER NOT NULL,
  registry   TEXT NOT NULL,
  repository TEXT NOT NULL,
  tag        TEXT NOT NULL,
  digest     TEXT NOT NULL,
  is_runtime INTEGER NOT NULL,
  PRIMARY KEY (task, position)
);
CREATE INDEX task_base_by_image ON task_base (registry, repository, tag);

-- What came in from git hosts and registries.
CREATE TABLE delivery (
  number       BIGINT NOT NULL PRIMARY KEY, -- counts up
  task         TEXT NOT NULL,               -- no reference: it outlives the task
  trigger_name TEXT NOT NULL,
  sender       TEXT NOT NULL,
  sender_id    TEXT NOT NULL,               -- the sender's own id of it
  event        TEXT NOT NULL,
  receive_time BIGINT NOT NULL,
  verdict      TEXT NOT NULL,
  reason       TEXT NOT NULL,
  run_id       TEXT NOT NULL,
  revision     TEXT NOT NULL,
  reference    TEXT NOT NULL,
  content      TEXT NOT NULL                -- JSON of what it said: enough to judge it again
);
CREATE INDEX delivery_by_task ON delivery (task, number);
CREATE INDEX delivery_by_sender ON delivery (task, trigger_name, sender_id);
CREATE INDEX delivery_by_verdict ON delivery (verdict, number);

-- Which task a run is of, and what started it (JSON).
ALTER TABLE run ADD COLUMN task TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN trigger_json TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN trigger_kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0;
CREATE INDEX run_by_task ON run (task COLLATE NOCASE, number);
