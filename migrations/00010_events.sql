-- +goose Up

-- Somebody's entries in the order that they are read in, so that a page of them
-- reads a page, and an export goes through them once.
DROP INDEX events_by_subject;
CREATE INDEX events_by_subject ON events (subject, at, id);
DROP INDEX events_by_actor;
CREATE INDEX events_by_actor ON events (actor, at, id);
