-- +goose Up

-- Who follows (关注) an official account, as WeChat told it of an identity of that
-- account: asked behind a login, at most once a day, with WXLOGIN_FOLLOWERS.
CREATE TABLE followers (
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    identity_id TEXT   NOT NULL, -- of a further identity; '': the first
    follows     BIGINT CHECK (follows IN (0, 1)), -- NULL: WeChat did not want to tell
    since       BIGINT, -- NULL: they do not, or WeChat did not tell
    scene       TEXT   NOT NULL, -- how they came to: WeChat's ADD_SCENE_…; '': it did not tell
    checked_at  BIGINT NOT NULL, -- when WeChat was asked
    PRIMARY KEY (user_id, identity_id)
) /*STRICT*/;

CREATE INDEX followers_by_answer ON followers (follows, user_id);
