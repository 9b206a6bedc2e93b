-- Indexes in the order of the lists of runs, one for each condition, so that a page of them costs as much among a
-- million runs as among ten (run_list.cc). Kept to what PostgreSQL understands too.

CREATE INDEX run_by_type ON run (type, number);
CREATE INDEX run_by_trigger ON run (trigger_kind, number);
CREATE INDEX run_archived ON run (is_archived, number) WHERE is_archived = 1;
DROP INDEX run_by_create_time;
CREATE INDEX run_by_time ON run (create_time, number);

DROP INDEX run_image_by_name;
CREATE INDEX run_image_by_repository ON run_image (repository, run_number);
CREATE INDEX run_image_by_tag ON run_image (repository, tag, run_number);
CREATE INDEX run_image_by_digest ON run_image (digest, run_number);
