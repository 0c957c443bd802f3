-- +goose Up

-- What WeChat has issued to an account itself, for a while: its access token (token)
-- and the ticket that signs pages for the JS-SDK (ticket). One row each, shared by all
-- processes.
CREATE TABLE credentials (
    appid        TEXT   NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('token', 'ticket')),
    value        TEXT   NOT NULL, -- sealed: v1|kid|base64, bound to appid and kind; '': there is none yet
    ends_at      BIGINT NOT NULL, -- of the value
    forced_at    BIGINT NOT NULL, -- of the last forced refresh; 0: none
    forced_count BIGINT NOT NULL, -- of forced refreshes on the day of the last one, in China
    failure      TEXT   NOT NULL, -- why the last question was not answered well; '': it was
    errcode      BIGINT NOT NULL, -- WeChat's number for that; 0: none
    from_address TEXT   NOT NULL, -- this server's, as WeChat saw it; '': it did not tell
    retry_at     BIGINT NOT NULL, -- WeChat is not asked again before; 0: it may be
    PRIMARY KEY (appid, kind)
) /*STRICT*/;
