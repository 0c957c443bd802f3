-- +goose Up

-- A failure is found by the number on the page that told of it, and people by where
-- they are.

-- Of the request that a login failed in; '' for one that did not fail.
ALTER TABLE logins ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
CREATE INDEX logins_by_request ON logins (request_id) WHERE request_id <> '';

-- People of a place in either order. WeChat tells of hardly anybody's any more, so that
-- who went through all people for those of a place would go past years of others, and
-- a login of most changes none of these.
CREATE INDEX users_by_province ON users (province, first_login_at, id) WHERE province <> '';
CREATE INDEX users_by_province_last ON users (province, last_login_at, id) WHERE province <> '';
CREATE INDEX users_by_city ON users (city, first_login_at, id) WHERE city <> '';
CREATE INDEX users_by_city_last ON users (city, last_login_at, id) WHERE city <> '';
