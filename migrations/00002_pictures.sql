-- +goose Up

-- Our copies of people's pictures, made anew by us from what WeChat's image hosts
-- gave. A table of their own, so that no list of people reads them.
CREATE TABLE pictures (
    user_id      TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    source       TEXT   NOT NULL, -- users.avatar_url that it was copied from
    content_type TEXT   NOT NULL,
    body         BYTEA  NOT NULL,
    etag         TEXT   NOT NULL, -- hash of the body
    copied_at    BIGINT NOT NULL
) /*STRICT*/;
