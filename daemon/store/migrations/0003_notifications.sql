-- What others are to be told of runs, written together with the state of the run that it is about. Times are nanoseconds
-- since 1970 (UTC). Kept to what PostgreSQL understands too.
CREATE TABLE notification (
  number       BIGINT NOT NULL PRIMARY KEY, -- counts up
  lane         TEXT NOT NULL,               -- whom to tell: 'status', or a receiver's key
  receiver     TEXT NOT NULL,               -- the same for people
  run_id       TEXT NOT NULL,
  event        TEXT NOT NULL,               -- 'run.finished', …; of a status: 'pending', …
  subject      TEXT NOT NULL,               -- of several with one subject only the newest counts; '': each counts
  content      TEXT NOT NULL,               -- JSON; '' once it was sent
  state        TEXT NOT NULL,
  create_time  BIGINT NOT NULL,
  next_time    BIGINT NOT NULL,             -- not before
  attempts     INTEGER NOT NULL,
  error        TEXT NOT NULL                -- of the last attempt
);
CREATE INDEX notification_due ON notification (state, lane, next_time);
CREATE INDEX notification_by_subject ON notification (subject, number);
