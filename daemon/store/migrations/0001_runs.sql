-- Runs and the images they made. Times are nanoseconds since 1970 (UTC). Kept to what PostgreSQL understands too.

-- Named values of the daemon: the prefix of its run ids, the number of the next run.
CREATE TABLE setting (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE run (
  number           BIGINT NOT NULL PRIMARY KEY,  -- counts up; never used again
  id               TEXT NOT NULL UNIQUE,         -- prefix and number in base 36
  request_id       TEXT UNIQUE,                  -- the client's own, against doubles
  type             TEXT NOT NULL,
  state            TEXT NOT NULL,
  create_time      BIGINT NOT NULL,
  start_time       BIGINT,
  finish_time      BIGINT,
  update_time      BIGINT NOT NULL,
  timeout_seconds  BIGINT NOT NULL,
  attempt          INTEGER NOT NULL,
  crashes          INTEGER NOT NULL,             -- how often the daemon died while it was active
  cancel_requested INTEGER NOT NULL,
  request          TEXT NOT NULL,                -- JSON, without secrets
  sealed           BLOB,                         -- its secrets, encrypted; gone when it has ended
  error_code       TEXT NOT NULL,
  error_message    TEXT NOT NULL,
  failed_step      TEXT NOT NULL,
  result           TEXT NOT NULL                 -- JSON: summary, revision, bases
);
CREATE INDEX run_by_state ON run (state, number);
CREATE INDEX run_by_create_time ON run (create_time);

CREATE TABLE run_image (
  run_number BIGINT NOT NULL REFERENCES run (number),
  position   INTEGER NOT NULL,
  registry   TEXT NOT NULL,
  repository TEXT NOT NULL,
  tag        TEXT NOT NULL,
  digest     TEXT NOT NULL,
  PRIMARY KEY (run_number, position)
);
CREATE INDEX run_image_by_name ON run_image (repository, tag);
