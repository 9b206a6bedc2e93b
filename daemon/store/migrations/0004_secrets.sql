-- What the daemon keeps secret for all: values that tasks name, logins of registries and git hosts. Times are nanoseconds
-- since 1970 (UTC). Kept to what PostgreSQL understands too.

CREATE TABLE secret (
  name        TEXT NOT NULL PRIMARY KEY,
  create_time BIGINT NOT NULL,
  update_time BIGINT NOT NULL,
  sealed      BLOB NOT NULL               -- its value, encrypted
);

CREATE TABLE login (
  host        TEXT NOT NULL,
  kind        INTEGER NOT NULL,           -- of the API's CredentialKind
  username    TEXT NOT NULL,
  secret      TEXT NOT NULL,              -- where the password is read; '': it is here
  create_time BIGINT NOT NULL,
  update_time BIGINT NOT NULL,
  sealed      BLOB,                       -- the password, encrypted
  PRIMARY KEY (host, kind)
);
